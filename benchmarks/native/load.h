/* The load generator's state: players, publishers and the course of one measurement. */
#ifndef SORGENTE_BENCH_LOAD_H
#define SORGENTE_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fmp4.h"
#include "histogram.h"
#include "options.h"
#include "receiver.h"

/* First member of all that epoll hands back. */
enum source_kind { FROM_TIMER, FROM_GATE, FROM_PUBLISHER, FROM_PLAYER };

enum phase {
    WAITING_TO_RAMP, /* publishing, no player yet (only with --gate) */
    RAMPING,         /* players connect, until each has its first chunk */
    WAITING_TO_GO,   /* all there; the measured window is not fixed yet (only with --gate) */
    RUNNING,         /* warm-up, then the measured window */
    DRAINING,        /* the last chunk is out; players may catch up */
    OVER,
};

enum player_state { PLAYER_IDLE, PLAYER_CONNECTING, PLAYER_READING, PLAYER_ENDED };

struct player {
    enum source_kind kind;
    enum player_state state;
    int fd;
    unsigned attempts;
    uint32_t index;
    bool late;    /* joins with all the others at the event, not in the ramp */
    bool stalls;  /* stops reading for the length of the event */
    bool joined;  /* has had its first chunk */
    bool settled; /* has had the final chunk, or its connection is gone */
    uint64_t connect_ns;  /* first attempt */
    uint64_t request_ns;  /* chunks sent before this are backlog */
    uint64_t joined_ns;   /* first whole chunk */
    uint64_t playable_ns; /* first whole sync chunk with an init segment before it; 0: none yet */
    uint64_t retry_ns;
    struct receiver receiver;
};

enum { TRACKS_MAX = 2 }; /* of a channel: video, then audio */

/* A track of an upload, and its tempo. */
struct beat {
    const struct stream *stream;
    uint64_t first_due_ns;
    uint64_t ticks;  /* chunks due so far, made or not */
    uint64_t number; /* of the next chunk */
};

/* One upload. */
struct publisher {
    enum source_kind kind;
    int fd;
    uint32_t channel;
    const char *track; /* its name, in a channel of one upload per track */
    bool finished; /* the last frame is written or waiting to be */
    bool answered; /* the server has answered or closed */
    unsigned status;
    struct beat beats[TRACKS_MAX];
    uint32_t beat_count;
    uint32_t sequence; /* chunks so far, of all its tracks */
    uint64_t overruns; /* ticks left out because the server did not read */
    uint64_t in_window;
    unsigned char *waiting; /* bytes the socket has not taken yet */
    size_t waiting_from, waiting_to, waiting_capacity;
};

/* What this process has seen of a channel, whoever publishes it. */
struct channel_view {
    bool seen, seen_in_window;
    uint64_t newest;
    uint64_t window_first, window_last;
};

/* Which part of the measured window a chunk was sent in. */
enum group { BEFORE_EVENT, DURING_EVENT, AFTER_EVENT, STALLED_PLAYERS, LATE_PLAYERS, GROUPS };

/* Counted over the measured window only. */
struct window_tally {
    uint64_t received;      /* chunks sent in the window, received at any time, by ramp players */
    uint64_t in_time;       /* chunks received in the window, whenever sent, by anybody */
    uint64_t in_time_bytes;
    uint64_t cpu_start_ns, cpu_end_ns; /* this process's own */
};

struct load {
    struct options options;
    struct stream stream; /* the video */
    struct stream audio;
    struct tally tally;
    struct reception reception;
    struct histogram latency[GROUPS];
    struct histogram publish_late;
    struct window_tally window;

    enum phase phase;
    uint64_t ramp_start_ns, joined_ns;
    uint64_t window_start_ns, window_end_ns; /* NEVER until they are known */
    uint64_t event_start_ns, event_end_ns;
    uint64_t phase_deadline_ns, next_retry_ns;
    uint64_t now_ns; /* read after each receive and before each send */
    bool window_opened, event_started, event_ended;

    int epoll_fd, timer_fd;
    enum source_kind timer_source, gate_source;
    uint64_t timer_armed_for_ns;
    char gate_line[128];
    size_t gate_length;

    struct player *players; /* options.players of the ramp, then options.late */
    uint32_t player_count, next_to_connect;
    uint32_t ramp_joined, ramp_given_up, late_joined, unsettled;
    uint64_t closed_early, refused, reconnects, backlog, unsent_final;
    struct publisher *publishers; /* those of a channel one behind the other; or none */
    uint32_t publisher_count, uploads_per_channel;
    struct channel_view *channels;
    unsigned char *buffer;
};

/* publisher.c */
void publishers_open(struct load *load);
uint64_t publishers_due_ns(const struct load *load);
void publish_due(struct load *load);
void publisher_ready(struct load *load, struct publisher *publisher, uint32_t events);
bool publishers_settled(const struct load *load);

/* player.c */
bool player_counts(const struct load *load, const struct player *player); /* towards the window */
void players_create(struct load *load);
void player_connect(struct load *load, struct player *player);
void player_ready(struct load *load, struct player *player, uint32_t events);
void players_retry(struct load *load);
void players_pause(struct load *load, bool paused);

/* report.c */
void report_print(struct load *load);

#endif
