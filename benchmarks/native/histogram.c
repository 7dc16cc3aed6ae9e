#include "histogram.h"

#include <inttypes.h>
#include <stddef.h>

enum { STEPS = 1 << HISTOGRAM_PRECISION_BITS };

static size_t bucket_of(uint64_t value)
{
    if (value >> (HISTOGRAM_TOP_BIT + 1))
        return HISTOGRAM_BUCKETS - 1;
    if (value < STEPS)
        return (size_t)value;
    unsigned top_bit = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = top_bit - HISTOGRAM_PRECISION_BITS;
    size_t step = (size_t)(value >> shift) - STEPS;
    return ((size_t)(shift + 1) << HISTOGRAM_PRECISION_BITS) + step;
}

static uint64_t upper_bound_of(size_t bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_PRECISION_BITS) - 1;
    uint64_t step = (bucket & (STEPS - 1)) + STEPS;
    return ((step + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    into->count += from->count;
    if (from->max > into->max)
        into->max = from->max;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t bound = upper_bound_of(i);
            return bound < histogram->max ? bound : histogram->max;
        }
    }
    return histogram->max;
}

static double us(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1000.0;
}

void histogram_print_json(const struct histogram *histogram, FILE *out, int with_buckets)
{
    fprintf(out, "{\"count\":%" PRIu64, histogram->count);
    if (histogram->count > 0)
        fprintf(out, ",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f",
                us(histogram_percentile(histogram, 0.5)), us(histogram_percentile(histogram, 0.9)),
                us(histogram_percentile(histogram, 0.99)),
                us(histogram_percentile(histogram, 0.999)), us(histogram->max));
    if (with_buckets) {
        const char *separator = "";
        fprintf(out, ",\"buckets\":[");
        for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
            if (histogram->buckets[i] == 0)
                continue;
            fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", separator, upper_bound_of(i),
                    histogram->buckets[i]);
            separator = ",";
        }
        fputc(']', out);
    }
    fputc('}', out);
}
