/* The yardstick's process: its connections, and what each of them is about. */
#ifndef SORGENTE_BENCH_YARDSTICK_H
#define SORGENTE_BENCH_YARDSTICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge.h"
#include "objects.h"
#include "relay.h"

enum role {
    LISTENER,
    ASKER,  /* a request head is to come, or the rest of it */
    UPLOAD, /* a live one */
    PUTTING,
    PLAYER, /* of a stream without an end */
    READER, /* an answer is going out, or will */
    GONE,
};

struct connection {
    enum role role;
    int fd;
    struct player player;
    struct reader reader;
    struct channel *channel; /* of an UPLOAD: what is relayed to players */
    struct track *track;     /* and what is cut into segments */
    size_t put_length; /* of a PUT, head and body */
    unsigned char *input; /* request head, then body; players have none */
    size_t input_length, input_capacity;
    struct connection *next_gone;
};

struct server {
    int epoll_fd;
    struct connection listener;
    struct channel *channels;
    struct object *objects;
    struct connection *gone; /* freed after the batch of events that may still name them */
};

static inline struct connection *player_connection(struct player *player)
{
    return (struct connection *)(void *)((char *)player - offsetof(struct connection, player));
}

static inline struct connection *reader_connection(struct reader *reader)
{
    return (struct connection *)(void *)((char *)reader - offsetof(struct connection, reader));
}

/* yardstick.c */
void watch(struct server *server, struct connection *connection, uint32_t events, int operation);
void hang_up(struct server *server, struct connection *connection);
/* Answers and is done with the connection, which the caller hangs up. */
void answer(struct connection *connection, const char *status, const char *body);
/* All players of a channel get what is new; so do the readers of its track. */
void serve_players(struct server *server, struct channel *channel);
void serve_readers(struct server *server, struct track *track);

void start_player(struct server *server, struct connection *connection, struct channel *channel);
void start_answer(struct server *server, struct connection *connection, struct frame *frame);
/* False: its answer is over, or the connection gone. */
bool serve_reader(struct server *server, struct connection *connection);

/* routes.c */
/* Begins to answer a request. False: the connection is done with. */
bool route(struct server *server, struct connection *connection, const char *head,
           size_t head_length);
/* More of a PUT has come; the connection is closed behind it. */
void take_put(struct server *server, struct connection *connection);

/* upload.c */
bool upload_start(struct server *server, struct connection *connection, struct channel *channel,
                  struct track *track, const char *head, size_t head_length);
void upload_ready(struct server *server, struct connection *connection);

#endif
