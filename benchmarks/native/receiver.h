/* One player's end of a progressive response, as a pure machine: bytes in, chunks out.
 *
 * It takes the HTTP/1.1 chunked coding off, walks the boxes, compares every byte of every chunk
 * with what the generator must have sent, and keeps count of what is missing. Input may be split
 * anywhere. It never allocates.
 */
#ifndef SORGENTE_BENCH_RECEIVER_H
#define SORGENTE_BENCH_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmp4.h"
#include "response.h"

enum {
    FOREIGN_BOX_MAX = 1 << 20, /* a box that is not ours and larger than this is taken for rubbish */
};

enum box_state { IN_BOX_HEADER, IN_MOOF, IN_STAMP, IN_FILLER, IN_FOREIGN_BOX, OUT_OF_STEP };

/* Counters, shared by all receivers of a process. */
struct tally {
    uint64_t received;   /* whole, right and new */
    uint64_t lost;       /* a gap that goes on at any chunk but a sync chunk */
    uint64_t skipped;    /* a gap that goes on at a sync chunk: legal for a slow player */
    uint64_t corrupt;    /* places where the bytes were not those that had to come */
    uint64_t duplicated; /* the same chunk once more */
    uint64_t reordered;  /* an older chunk after a newer one */
    uint64_t altered;    /* chunks whose moof was not the encoder's, byte for byte */
    uint64_t bytes;      /* as read from the socket */
};

struct receiver;

/* Called for each chunk counted as received, in order. */
typedef void chunk_observer(void *context, struct receiver *receiver, const struct stamp *stamp);

/* What all receivers of one process have in common. */
struct reception {
    struct stream *stream;
    struct tally *tally;
    chunk_observer *on_chunk;
    void *context;
};

struct receiver {
    enum box_state box_state;
    uint64_t next_number; /* the chunk that must come next, once `started` */
    size_t box_left;      /* body bytes still to come of the box at hand */
    size_t filler_at;
    struct stamp stamp; /* of the chunk at hand */
    uint32_t channel;
    uint16_t held_length;
    bool started;    /* a chunk has been received */
    bool saw_init;   /* a moov has been received */
    bool saw_final;  /* the generator's last chunk has been received */
    bool has_moof;   /* `moof` is filled, its mdat is still to come */
    bool foreign_moof; /* the moof before was not of our size */
    unsigned char moof[MOOF_SIZE];
    unsigned char held[STAMP_SIZE]; /* a box header or a stamp that has come in part */
    struct response response; /* last: only what is before it is wiped at the start */
};

void receiver_start(struct receiver *receiver, uint32_t channel);

/* Takes bytes from the socket; look at response.state afterwards. */
void receiver_feed(struct receiver *receiver, const struct reception *reception,
                   const unsigned char *bytes, size_t length);

#endif
