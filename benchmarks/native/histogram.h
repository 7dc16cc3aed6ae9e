/* Log-linear histogram of nanoseconds: every value is kept to within 0.8 %, in constant memory. */
#ifndef SORGENTE_BENCH_HISTOGRAM_H
#define SORGENTE_BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum {
    HISTOGRAM_PRECISION_BITS = 7, /* 128 steps in every power of two */
    HISTOGRAM_TOP_BIT = 37,       /* 2^38 ns = 275 s; above that everything counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_TOP_BIT - HISTOGRAM_PRECISION_BITS + 2)
                        << HISTOGRAM_PRECISION_BITS,
};

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The smallest value that `share` (0..1) of all values do not exceed; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

/* {"count":…,"p50":…,…,"max":…} in microseconds; with buckets: also [[upper bound in ns, count],…] */
void histogram_print_json(const struct histogram *histogram, FILE *out, int with_buckets);

#endif
