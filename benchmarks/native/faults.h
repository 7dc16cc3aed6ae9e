/* Faults on purpose, to prove that the load generators find them. An ordinary build has none:
 * compile with -DFAULT=FAULT_DROP (or another) to get them.
 *
 * Some befall a piece of the upload, and so all who get it; the others (FAULT_ANSWER_…) one answer
 * to one request.
 */
#ifndef SORGENTE_BENCH_FAULTS_H
#define SORGENTE_BENCH_FAULTS_H

#include <sys/uio.h>

#include "relay.h"

/* What becomes of a piece. */
typedef void piece_taker(void *context, const unsigned char *piece, size_t length);

#ifndef FAULT

static inline void faults_relay(piece_taker *take, void *context, const unsigned char *piece,
                                size_t length)
{
    take(context, piece, length);
}

static inline int faults_next_answer(void)
{
    return 0;
}

static inline int faults_spoil(int spoilt, uint32_t piece, struct iovec *pieces, int count)
{
    (void)spoilt;
    (void)piece;
    (void)pieces;
    return count;
}

#else

#include "fail.h"

#define FAULT_DROP 1
#define FAULT_CORRUPT 2
#define FAULT_DUPLICATE 3
#define FAULT_SWAP 4
#define FAULT_TRUNCATE 5
#define FAULT_ANSWER_CORRUPT 6
#define FAULT_ANSWER_SHORT 7
#define FAULT_ANSWER_ABORT 8

enum { FAULT_EVERY = 50, FAULT_FIRST = 27 }; /* pieces; the first is the init segment */

static inline void faults_relay(piece_taker *take, void *context, const unsigned char *piece,
                                size_t length)
{
    static uint64_t count;
    static unsigned char *held; /* FAULT_SWAP: the piece that comes one place too late */
    static size_t held_length;
    bool faulty =
        FAULT < FAULT_ANSWER_CORRUPT && length > 0 && count++ % FAULT_EVERY == FAULT_FIRST;

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
    take(context, piece, length);
    if (faulty && FAULT == FAULT_DUPLICATE)
        take(context, piece, length);
    if (held != NULL) {
        if (FAULT == FAULT_SWAP)
            take(context, held, held_length);
        free(held);
        held = NULL;
    }
}

/* Whether the answer that begins now is one of those that go wrong. */
static inline int faults_next_answer(void)
{
    static uint64_t count;
    return FAULT >= FAULT_ANSWER_CORRUPT && count++ % FAULT_EVERY == FAULT_FIRST;
}

/* Does to the pieces that are about to be sent what is wrong with this answer; gives how many are
 * left, 0: hang up. Its first two pieces go out as they are, those of a whole response in part. */
static inline int faults_spoil(int spoilt, uint32_t piece, struct iovec *pieces, int count)
{
    static unsigned char *copy; /* the one of the last fault is in the kernel by now */
    if (!spoilt || (piece < 2 && count > 1))
        return count;
    if (FAULT == FAULT_ANSWER_ABORT)
        return 0;
    if (FAULT == FAULT_ANSWER_SHORT) { /* the last frame, much too early */
        pieces[0] = (struct iovec){.iov_base = (void *)(uintptr_t)"0\r\n\r\n", .iov_len = 5};
        return 1;
    }
    free(copy);
    copy = must_allocate(pieces[0].iov_len, 1);
    memcpy(copy, pieces[0].iov_base, pieces[0].iov_len);
    copy[pieces[0].iov_len - 3] ^= 0x10; /* before a frame's CRLF, or near the end of a body */
    pieces[0].iov_base = copy;
    return count;
}

#endif
#endif
