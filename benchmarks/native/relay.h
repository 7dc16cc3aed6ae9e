/* The yardstick's channels: frames built once, shared by every player of a channel. */
#ifndef SORGENTE_BENCH_RELAY_H
#define SORGENTE_BENCH_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_FRAMES = 256, /* a player further behind than this skips to the newest sync chunk */
    CHANNEL_NAME_MAX = 64,
};

/* An HTTP frame, ready for the wire. Freed with its last reference. */
struct frame {
    uint32_t references;
    size_t length;
    unsigned char bytes[];
};

struct player;

/* One whose body is framed, behind `before`; `last`: an empty piece is the end of the stream. */
struct frame *frame_make(const char *before, size_t before_length, const unsigned char *piece,
                         size_t length, bool last);
/* A whole response: `200 OK`, header lines each with CRLF, and the body. */
struct frame *frame_response(const char *status, const char *headers, const unsigned char *body,
                             size_t length);
void frame_release(struct frame *frame);

/* Whether the first sample of a chunk can be decoded by itself, as the trun says. */
bool piece_starts_with_sync(const unsigned char *piece, size_t length);

struct track;

struct channel {
    char name[CHANNEL_NAME_MAX];
    bool has_publisher;
    bool ended;              /* the last frame is in the window */
    uint64_t head;           /* number of the next frame; frame n lies in window[n % WINDOW_FRAMES] */
    uint64_t newest_sync;    /* NO_SYNC until there is one */
    struct frame *window[WINDOW_FRAMES];
    struct frame *welcome;   /* response head, and the init segment once it is known */
    struct player **players; /* in no order */
    size_t player_count, player_capacity;
    struct track *tracks; /* edge.h */
    struct frame *manifest; /* manifest.h; NULL: to be made anew */
    uint32_t revision;
    struct channel *next;
};

#define NO_SYNC UINT64_MAX

/* A player's place: the frame being written, and the next one. */
struct player {
    int fd;
    size_t index; /* in channel->players */
    struct channel *channel;
    struct frame *current; /* NULL: nothing is half written */
    size_t offset;
    uint64_t cursor;
    bool blocked; /* the socket is full: wait for EPOLLOUT */
};

enum pump_result { PUMP_IDLE, PUMP_BLOCKED, PUMP_BROKEN, PUMP_ENDED };

/* The channel of this name, made when there is none. */
struct channel *channel_named(struct channel **channels, const char *name, size_t length);

/* One piece of the upload: becomes the newest frame of the window (an init segment also becomes
 * part of the welcome). An empty piece is the end of the upload. The window owns what it gives. */
struct frame *channel_append(struct channel *channel, const unsigned char *piece, size_t length);

/* A new upload: the window and the init segment of the one before are gone. */
void channel_restart(struct channel *channel);

/* Joins at the newest sync chunk, after the welcome. */
void channel_join(struct channel *channel, struct player *player);
void channel_leave(struct player *player);

/* Writes until the player has all there is, or its socket is full. */
enum pump_result player_pump(struct player *player);

#endif
