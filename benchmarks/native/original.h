/* What the first player to get something got; all the others must get the same.
 *
 * Every byte of every player is compared, but boxes and stamps are looked at here only, once for all
 * of them. Where the generator itself has published the media, a chunk says so (fmp4.h), and then its
 * samples must be those that were published, whatever the server has made of the moof.
 */
#ifndef SORGENTE_BENCH_ORIGINAL_H
#define SORGENTE_BENCH_ORIGINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmp4.h"

/* Counters, shared by all originals of a process. All but `chunks` are to be 0. */
struct checks {
    uint64_t chunks;    /* whole ones, in originals */
    uint64_t corrupt;   /* answers that differ from the original */
    uint64_t cut_short; /* answers that were over before the original was */
    uint64_t damaged;   /* places where an original is not whole moof+mdat, or not as published */
    uint64_t lost;      /* published chunks that are missing between two in a track */
    uint64_t disorder;  /* chunks that came again, or behind a newer one */
    uint64_t gaps;      /* decode times that do not follow; of media we have not published */
};

struct chunk {
    size_t end;       /* offset of the byte behind it */
    uint64_t made_ns; /* CLOCK_MONOTONIC: when it was sent; else when it should be there at best */
};

/* Where the media time of a track is on CLOCK_MONOTONIC, as the manifest has it. */
struct ruler {
    double timescale;
    double zero_ns; /* where media time 0 would be: may be long ago */
};

/* How far a track has come, by its stamps and by its times. */
struct place {
    uint64_t number, time;
};

struct original {
    unsigned char *bytes;
    size_t length, capacity;
    bool whole;      /* somebody got to its end */
    bool is_segment; /* else its bytes are compared and no more */
    struct ruler ruler;
    size_t walked; /* bytes of whole boxes */
    bool out_of_step;
    bool has_moof, stamped;
    uint64_t time, duration; /* of the moof whose mdat is to come */
    struct chunk *chunks;
    uint32_t chunk_count, chunk_capacity;
    struct place first, next; /* of its first chunk, and of the one that must come behind its last */
};

/* What all originals have in common: the filler of published chunks, and the counters. */
struct inspection {
    const struct stream *stream;
    struct checks *checks;
};

/* Compares a piece of an answer, or, where nobody has come that far, takes it on. False: it differs,
 * which is counted; look at no more of this answer. */
bool original_take(struct original *original, const struct inspection *inspection, size_t at,
                   const unsigned char *bytes, size_t length);

/* An answer is over behind byte `at`. */
void original_end(struct original *original, const struct inspection *inspection, size_t at);

/* Two segments of a track, the first one whole, the second with a chunk at least: nothing may be
 * missing between them. */
void originals_join(const struct original *before, const struct original *after,
                    const struct inspection *inspection);

void original_free(struct original *original);

#endif
