/* CLOCK_MONOTONIC in nanoseconds: one clock for every process of the machine. */
#ifndef SORGENTE_BENCH_CLOCK_H
#define SORGENTE_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NEVER UINT64_MAX

static inline uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock id is valid, so is the pointer */
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static inline uint64_t seconds_to_ns(double seconds)
{
    return (uint64_t)(seconds * 1e9 + 0.5);
}

#endif
