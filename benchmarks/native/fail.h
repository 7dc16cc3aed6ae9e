/* Ending with a plain message when a system call that must not fail has failed. */
#ifndef SORGENTE_BENCH_FAIL_H
#define SORGENTE_BENCH_FAIL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the process; `what` names the thing that could not be done, errno says why. */
static inline _Noreturn void fail_errno(const char *what)
{
    fprintf(stderr, "error: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline _Noreturn void fail_because(const char *what, const char *why)
{
    fprintf(stderr, "error: %s: %s\n", what, why);
    exit(1);
}

/* For calls that return -1 on failure. */
static inline int must(int result, const char *what)
{
    if (result < 0)
        fail_errno(what);
    return result;
}

static inline void *must_allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail_errno("allocate memory");
    return memory;
}

#endif
