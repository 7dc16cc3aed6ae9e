/* What the parts of the self-test have in common. */
#ifndef SORGENTE_BENCH_SELFTEST_H
#define SORGENTE_BENCH_SELFTEST_H

#include <stdbool.h>

/* Notes a failure and goes on. */
void expect(bool condition, const char *name, const char *what);

/* selftest_edge.c */
void check_responses(void);
void check_originals(void);

#endif
