/* Faults on purpose, to prove that the load generator finds them. An ordinary build has none:
 * compile with -DFAULT=FAULT_DROP (or another) to get them. */
#ifndef SORGENTE_BENCH_FAULTS_H
#define SORGENTE_BENCH_FAULTS_H

#include "relay.h"

#ifndef FAULT

static inline void faults_relay(struct channel *channel, const unsigned char *piece, size_t length)
{
    channel_append(channel, piece, length);
}

#else

#include "fail.h"

#define FAULT_DROP 1
#define FAULT_CORRUPT 2
#define FAULT_DUPLICATE 3
#define FAULT_SWAP 4
#define FAULT_TRUNCATE 5

enum { FAULT_EVERY = 50, FAULT_FIRST = 27 }; /* pieces; the first is the init segment */

static inline void faults_relay(struct channel *channel, const unsigned char *piece, size_t length)
{
    static uint64_t count;
    static unsigned char *held; /* FAULT_SWAP: the piece that comes one place too late */
    static size_t held_length;
    bool faulty = length > 0 && count++ % FAULT_EVERY == FAULT_FIRST;

    if (faulty && FAULT == FAULT_DROP)
        return;
    if (faulty && FAULT == FAULT_TRUNCATE)
        length /= 2;
    if (faulty && (FAULT == FAULT_CORRUPT || FAULT == FAULT_SWAP)) {
        held = must_allocate(length, 1);
        held_length = length;
        memcpy(held, piece, length);
    }
    if (faulty && FAULT == FAULT_SWAP)
        return;
    if (faulty && FAULT == FAULT_CORRUPT) {
        held[length / 2] ^= 0x10;
        piece = held;
    }
    channel_append(channel, piece, length);
    if (faulty && FAULT == FAULT_DUPLICATE)
        channel_append(channel, piece, length);
    if (held != NULL) {
        if (FAULT == FAULT_SWAP)
            channel_append(channel, held, held_length);
        free(held);
        held = NULL;
    }
}

#endif
#endif
