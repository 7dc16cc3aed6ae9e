/* The yardstick's live edge: segments of a track while they grow, and who reads or waits for them. */
#ifndef SORGENTE_BENCH_EDGE_H
#define SORGENTE_BENCH_EDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay.h"

enum {
    SEGMENT_SECONDS = 2,
    SEGMENTS_KEPT = 30, /* a minute, as Sorgente keeps it by default */
};

struct segment {
    uint64_t number;
    uint32_t references; /* of the track and of readers */
    bool complete;
    struct frame **frames;
    uint32_t count, capacity;
};

struct track {
    char name[CHANNEL_NAME_MAX];
    uint32_t id, timescale;
    bool started;
    uint64_t first_time;   /* of its first chunk, in ticks */
    uint64_t start_utc_ns; /* when that began, by the chunk's arrival */
    double chunk_seconds;
    struct frame *init; /* a whole response */
    struct segment *kept[SEGMENTS_KEPT]; /* segment n lies in kept[n % SEGMENTS_KEPT] */
    struct segment *newest;
    struct reader **readers; /* of what grows, and of what will; in no order */
    size_t reader_count, reader_capacity;
    struct track *next;
};

/* An answer on its way: a whole response, or a segment of which more is to come. */
struct reader {
    int fd;
    struct frame *plain; /* the whole response; NULL: it is a segment */
    struct track *track; /* in whose readers it is; NULL: in none */
    size_t index;
    uint64_t wanted;         /* number of the segment */
    struct segment *segment; /* NULL: it is not there yet */
    uint32_t piece; /* to be sent next: head, frames, last frame */
    size_t offset;
    bool blocked; /* the socket is full: wait for EPOLLOUT */
    int spoilt;   /* see faults.h */
};

/* The track of this name, made when there is none. */
struct track *track_named(struct track **tracks, const char *name, size_t length);

/* One piece of the upload, and the frame that was made of it. */
void track_append(struct track *track, const unsigned char *piece, size_t length,
                  struct frame *frame);
void track_end(struct track *track);

/* Sends a whole response; the frame is kept as long as it takes. */
void reader_send(struct reader *reader, struct frame *plain);

/* Asks for a segment. False: it is not there, and not the next one either. */
bool reader_follow(struct reader *reader, struct track *track, uint64_t number);

/* Writes until all there is has gone out, or the socket is full. PUMP_ENDED: the answer is over. */
enum pump_result reader_pump(struct reader *reader);
void reader_leave(struct reader *reader);

#endif
