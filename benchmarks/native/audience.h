/* The audience's state: viewers that behave like low-latency DASH players, and what they are told.
 *
 * Which segment there is when, the program does not find out by itself: who runs it reads the
 * manifest (`../viewers.py`) and says so on stdin, a second or two ahead.
 */
#ifndef SORGENTE_BENCH_AUDIENCE_H
#define SORGENTE_BENCH_AUDIENCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "original.h"
#include "response.h"

enum {
    TRACKS_MAX = 8,
    CONNECTIONS_MAX = 6, /* of a viewer, as browsers have it */
    REQUEST_TARGET_MAX = 512,
    ETAG_MAX = 128,
    VERSIONS_KEPT = 8,
    THINGS_KEPT = 32,
};

/* First member of all that epoll hands back. */
enum source_kind { FROM_TIMER, FROM_GATE, FROM_CONNECTION };

enum thing_kind { MANIFEST, INIT, SEGMENT };

/* Something that every viewer gets, each at its own moment. */
struct thing {
    enum thing_kind kind;
    uint32_t track;
    uint64_t number;
    uint64_t due_ns;      /* for a viewer who is neither early nor late */
    uint32_t next_viewer; /* they are asked in the order of their moments */
    uint32_t readers;
    bool joined; /* compared with the segment before it */
    char target[REQUEST_TARGET_MAX];
    struct original original;
    struct thing *next;
};

/* A manifest as it was for a while. */
struct version {
    uint64_t id; /* 0: none */
    char etag[ETAG_MAX];
    struct original original;
};

enum connection_state { CLOSED, CONNECTING, IDLE, ASKING, RESTING /* before another attempt */ };

struct connection {
    enum source_kind kind;
    enum connection_state state;
    int fd;
    struct viewer *viewer;
    struct thing *thing; /* that is being got */
    uint64_t version;    /* id, while a manifest is being got */
    uint64_t due_ns;     /* when it was to be asked for */
    uint64_t heard_ns;   /* when the last byte came, or the request went out */
    uint64_t retry_ns;
    uint32_t attempts;
    bool ignored;        /* nothing of this answer is looked at any more */
    bool reused;         /* there was an answer on it before */
    size_t at;           /* bytes of the body that have come */
    uint32_t chunks;     /* and chunks */
    struct response response;
};

enum viewer_state { OUTSIDE, AT_MANIFEST, AT_INITS, WATCHING };

struct viewer {
    enum viewer_state state;
    bool joined;          /* has had a chunk of every track */
    uint32_t index;
    uint32_t inits_left;
    uint32_t tracks_seen; /* a bit each */
    uint64_t version;     /* id of the manifest it has */
    uint64_t newest[TRACKS_MAX]; /* number of the segment it asked for last, plus 1 */
    /* Of each track: has it asked for a segment of which nothing has come, and what would it ask for
     * then? Players do not ask for a second one meanwhile. */
    bool awaits[TRACKS_MAX];
    struct thing *after[TRACKS_MAX];
    struct connection *connections[CONNECTIONS_MAX];
};

/* Counted from the ramp on, but for `deliveries`. */
struct account {
    uint64_t segments, complete, held, empty;
    uint64_t manifests, not_modified, changed;
    uint64_t not_found, gone, refused; /* 404, 410, any other status */
    uint64_t retried, given_up;
    uint64_t aborted;    /* answers that broke off */
    uint64_t crowded;    /* segments left out because all connections were busy */
    uint64_t reconnects; /* a connection was closed under a request, before a byte had come */
    uint64_t deliveries, bytes; /* chunks, and bytes of all kinds, in the measured window */
};

struct settings {
    struct sockaddr_in address;
    const char *host; /* as in the header */
    uint32_t viewers;
    uint32_t sources;
    double ramp_rate;
    double early_ms, spread_ms;
    double manifest_seconds; /* between two looks at it; 0: only when joining */
};

enum phase { WAITING_TO_RAMP, RAMPING, WAITING_TO_GO, RUNNING, OVER };

struct audience {
    struct settings settings;
    enum phase phase;
    uint64_t now_ns, ramp_start_ns, ramp_end_ns, window_start_ns, window_end_ns, next_told_ns, next_retry_ns;
    uint64_t manifest_turn; /* viewer `turn % viewers` looks, in round `turn / viewers` */
    uint64_t cpu_start_ns;
    bool window_open;
    struct viewer *viewers;
    uint32_t next_to_join, joined, track_count;
    struct thing *things; /* oldest first */
    uint32_t thing_count;
    struct thing manifest;
    struct version versions[VERSIONS_KEPT];
    uint64_t newest_version;
    struct account account;
    struct checks checks;
    struct stream stream;
    struct inspection inspection;
    struct histogram first, following, asked_late;
    unsigned char *buffer;
    int epoll_fd, timer_fd;
    enum source_kind timer_source, gate_source;
    uint64_t due_ns, timer_armed_for_ns;
    char gate_text[8192];
    size_t gate_length;
};

/* agenda.c: what is asked for, and when */
bool agenda_obey(struct audience *audience, char *line); /* false: it is not a line of the agenda */
void agenda_run(struct audience *audience);
uint64_t agenda_due_ns(const struct audience *audience);
int64_t viewer_offset_ns(const struct audience *audience, const struct viewer *viewer);
void agenda_join(struct audience *audience, struct thing *thing); /* something came of a segment */

/* viewer.c: one viewer and its connections */
void viewer_enter(struct audience *audience, struct viewer *viewer);
void viewer_ask(struct audience *audience, struct viewer *viewer, struct thing *thing,
                uint64_t due_ns);
/* It has got something: what does it do next? */
void viewer_go_on(struct audience *audience, struct viewer *viewer, enum thing_kind got);
void viewer_awaits_no_more(struct audience *audience, struct viewer *viewer, uint32_t track);
void connection_start(struct audience *audience, struct connection *connection);
void connection_ready(struct audience *audience, struct connection *connection, uint32_t events);
void connections_retry(struct audience *audience);

/* answer.c: what comes back */
void answers_prepare(struct audience *audience);
void connection_read(struct audience *audience, struct connection *connection);

/* verdict.c: the result as one JSON object */
void verdict_print(const struct audience *audience);

#endif
