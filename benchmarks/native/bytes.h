/* Big-endian integers, as ISO-BMFF writes them. */
#ifndef SORGENTE_BENCH_BYTES_H
#define SORGENTE_BENCH_BYTES_H

#include <stdint.h>

static inline uint32_t read_u32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline uint64_t read_u64(const unsigned char *from)
{
    return (uint64_t)read_u32(from) << 32 | read_u32(from + 4);
}

static inline void write_u32(unsigned char *to, uint32_t value)
{
    to[0] = (unsigned char)(value >> 24);
    to[1] = (unsigned char)(value >> 16);
    to[2] = (unsigned char)(value >> 8);
    to[3] = (unsigned char)value;
}

static inline void write_u64(unsigned char *to, uint64_t value)
{
    write_u32(to, (uint32_t)(value >> 32));
    write_u32(to + 4, (uint32_t)value);
}

/* A box type as the number it is on the wire. */
#define FOURCC(a, b, c, d) \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

#endif
