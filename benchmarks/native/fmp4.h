/* The media the generator publishes: an init segment and chunks (moof + mdat), every byte of which
 * a receiver can foretell from the chunk's number. */
#ifndef SORGENTE_BENCH_FMP4_H
#define SORGENTE_BENCH_FMP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "box.h"

enum {
    MOOF_SIZE = 100,
    STAMP_SIZE = 40, /* what the mdat payload begins with */
    CHUNK_SIZE_MIN = 256,
    CHUNK_SIZE_MAX = 1 << 20,
    INIT_SIZE_MAX = 1 << 16,
};

enum stamp_flag { STAMP_SYNC = 1, STAMP_FINAL = 2 };

/* What every chunk says of itself. On the wire: NAL length, NAL header (type 30: unspecified, which
 * decoders pass over), "srg", magic, then these fields, big-endian. */
struct stamp {
    uint64_t sent_ns;
    uint64_t number;
    uint32_t channel;
    uint32_t flags;
};

/* The init segments that are built in. */
enum init_kind { INIT_VIDEO, INIT_AUDIO, INIT_MUXED /* video is its first track */ };

/* A track. What must be agreed upon for a receiver to know each byte beforehand. */
struct stream {
    uint32_t track_id;
    uint32_t timescale;
    double hz;
    uint32_t gop;
    size_t chunk_size;
    unsigned char *filler; /* pseudo-random, chunk_size + 256 bytes */
    const unsigned char *init;
    size_t init_size;
    bool has_moof; /* the moof made last: all players of a burst ask for the same one */
    uint64_t moof_number;
    unsigned char moof[MOOF_SIZE];
};

/* For stream_use_init. */
const unsigned char *init_built_in(enum init_kind kind, size_t *size);

/* Takes track id and timescale from track number `index`, from 0, of the init segment, which is not
 * copied. False: there is no usable moov in it, or no such track. */
bool stream_use_init(struct stream *stream, const unsigned char *init, size_t init_size,
                     unsigned index);

/* Makes the filler; chunk_size is set before. */
void stream_prepare(struct stream *stream);

/* Where the filler of this chunk begins; different for 256 chunks running. */
const unsigned char *stream_filler(const struct stream *stream, uint64_t number);

/* The MOOF_SIZE bytes of this chunk's moof; good until the next call. */
const unsigned char *stream_moof(struct stream *stream, uint64_t number);

bool stream_is_sync(const struct stream *stream, uint64_t number);
void stream_write_moof(const struct stream *stream, uint64_t number, unsigned char *to);
void stream_write_chunk(const struct stream *stream, const struct stamp *stamp, unsigned char *to);

/* Puts another send time, or sequence number, into a chunk that is already written. */
void chunk_set_sent(unsigned char *chunk, uint64_t sent_ns);
void chunk_set_sequence(unsigned char *chunk, uint32_t sequence);

/* Reads the STAMP_SIZE bytes at the start of an mdat payload; false: not one of ours. */
bool stamp_read(const unsigned char *from, size_t payload_size, struct stamp *stamp);

#endif
