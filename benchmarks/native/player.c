/* Players: one GET each, read to the end, every chunk checked and timed. */
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "load.h"
#include "target.h"

enum {
    RECEIVE_BUFFER_SIZE = 256 << 10, /* one for all players */
    /* So that a stall reaches the server. Loopback's segments of 64 KB let the kernel give a sender
     * more than 1 MB of buffer at once, 10 s of this stream; with those of an Ethernet it does not. */
    STALL_RECEIVE_BUFFER = 64 << 10,
    STALL_SEGMENT_SIZE = 1448,
    ATTEMPTS_MAX = 25,
    RETRY_AFTER_MS = 200,
};

/* ---- what a chunk means --------------------------------------------------------------------- */

static enum group group_of(const struct load *load, const struct player *player, uint64_t sent_ns)
{
    if (player->late)
        return LATE_PLAYERS;
    if (player->stalls)
        return STALLED_PLAYERS;
    if (sent_ns < load->event_start_ns)
        return BEFORE_EVENT;
    return sent_ns < load->event_end_ns ? DURING_EVENT : AFTER_EVENT;
}

static void settle(struct load *load, struct player *player)
{
    if (!player->settled && player->joined)
        load->unsettled--;
    player->settled = true;
}

static void note_join(struct load *load, struct player *player)
{
    player->joined = true;
    player->joined_ns = load->now_ns;
    load->unsettled++;
    if (player->late)
        load->late_joined++;
    else
        load->ramp_joined++;
}

static void view_chunk(struct channel_view *view, const struct stamp *stamp, bool in_window)
{
    if (!view->seen || stamp->number > view->newest)
        view->newest = stamp->number;
    view->seen = true;
    if (!in_window)
        return;
    if (!view->seen_in_window || stamp->number < view->window_first)
        view->window_first = stamp->number;
    if (!view->seen_in_window || stamp->number > view->window_last)
        view->window_last = stamp->number;
    view->seen_in_window = true;
}

bool player_counts(const struct load *load, const struct player *player)
{
    return !player->late && player->joined && player->joined_ns < load->window_start_ns;
}

static void on_chunk(void *context, struct receiver *receiver, const struct stamp *stamp)
{
    struct load *load = context;
    struct player *player =
        (struct player *)(void *)((char *)receiver - offsetof(struct player, receiver));
    bool backlog = stamp->sent_ns < player->request_ns;
    bool in_window =
        stamp->sent_ns >= load->window_start_ns && stamp->sent_ns < load->window_end_ns;

    if (!player->joined)
        note_join(load, player);
    if (player->playable_ns == 0 && receiver->saw_init && (stamp->flags & STAMP_SYNC))
        player->playable_ns = load->now_ns;
    view_chunk(&load->channels[receiver->channel], stamp, in_window);
    if (backlog)
        load->backlog++;
    else if (in_window)
        histogram_add(&load->latency[group_of(load, player, stamp->sent_ns)],
                      load->now_ns - stamp->sent_ns);
    if (in_window && player_counts(load, player))
        load->window.received++;
    if (load->now_ns >= load->window_start_ns && load->now_ns < load->window_end_ns)
        load->window.in_time++;
    if (receiver->saw_final)
        settle(load, player);
}

/* ---- connections ---------------------------------------------------------------------------- */

void players_create(struct load *load)
{
    const struct options *options = &load->options;
    load->player_count = options->players + options->late;
    load->players = must_allocate(load->player_count > 0 ? load->player_count : 1,
                                  sizeof *load->players);
    load->buffer = must_allocate(RECEIVE_BUFFER_SIZE, 1);
    load->reception = (struct reception){.stream = &load->stream, .tally = &load->tally,
                                         .on_chunk = on_chunk, .context = load};
    for (uint32_t i = 0; i < load->player_count; i++) {
        struct player *player = &load->players[i];
        player->kind = FROM_PLAYER;
        player->fd = -1;
        player->index = i;
        player->late = i >= options->players;
        player->retry_ns = NEVER;
        /* evenly among the others, in every channel */
        player->stalls = !player->late && ((uint64_t)i + 1) * options->stall / options->players !=
                                              (uint64_t)i * options->stall / options->players;
    }
}

static void watch(struct load *load, struct player *player, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = player};
    must(epoll_ctl(load->epoll_fd, operation, player->fd, &event), "watch player");
}

static void bind_source(const struct load *load, const struct player *player)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + player->index % load->options.sources);
    must(setsockopt(player->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on),
         "IP_BIND_ADDRESS_NO_PORT");
    must(bind(player->fd, (struct sockaddr *)&source, sizeof source), "bind source address");
}

static void narrow(const struct player *player)
{
    int buffer_size = STALL_RECEIVE_BUFFER, segment_size = STALL_SEGMENT_SIZE;
    must(setsockopt(player->fd, SOL_SOCKET, SO_RCVBUF, &buffer_size, sizeof buffer_size),
         "SO_RCVBUF");
    must(setsockopt(player->fd, IPPROTO_TCP, TCP_MAXSEG, &segment_size, sizeof segment_size),
         "TCP_MAXSEG");
}

/* The connection is gone, or was never made. In the ramp another attempt follows. */
static void drop(struct load *load, struct player *player)
{
    bool finished = player->settled;
    must(close(player->fd), "close player");
    player->fd = -1;
    if (!player->joined && load->phase <= RUNNING && player->attempts < ATTEMPTS_MAX) {
        player->state = PLAYER_IDLE;
        player->retry_ns = load->now_ns + RETRY_AFTER_MS * NS_PER_MS;
        if (player->retry_ns < load->next_retry_ns)
            load->next_retry_ns = player->retry_ns;
        return;
    }
    player->state = PLAYER_ENDED;
    if (!player->joined && !player->late)
        load->ramp_given_up++;
    if (player->joined && !finished)
        load->closed_early++;
    settle(load, player);
}

void player_connect(struct load *load, struct player *player)
{
    struct sockaddr_in address = target_address(load->options.port);
    uint32_t channel = player->index % load->options.channels;

    player->retry_ns = NEVER;
    if (player->attempts++ == 0)
        player->connect_ns = monotonic_ns();
    else
        load->reconnects++;
    player->fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                      "player socket");
    bind_source(load, player);
    if (player->stalls)
        narrow(player);
    receiver_start(&player->receiver, channel);
    player->state = PLAYER_CONNECTING;
    if (connect(player->fd, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS) {
        drop(load, player);
        return;
    }
    watch(load, player, EPOLLOUT, EPOLL_CTL_ADD);
}

static void send_request(struct load *load, struct player *player)
{
    char request[REQUEST_MAX];
    int error = 0;
    socklen_t size = sizeof error;
    must(getsockopt(player->fd, SOL_SOCKET, SO_ERROR, &error, &size), "SO_ERROR");
    if (error != 0) {
        drop(load, player);
        return;
    }
    size_t length = target_request(request, "GET", load->options.play_path,
                                   player->receiver.channel, "", load->options.port, "");
    player->request_ns = load->now_ns = monotonic_ns();
    ssize_t sent = send(player->fd, request, length, MSG_NOSIGNAL);
    if (sent != (ssize_t)length) { /* a new socket takes so little at once, or it is broken */
        drop(load, player);
        return;
    }
    player->state = PLAYER_READING;
    watch(load, player, EPOLLIN, EPOLL_CTL_MOD);
}

static void read_response(struct load *load, struct player *player)
{
    ssize_t length = recv(player->fd, load->buffer, RECEIVE_BUFFER_SIZE, 0);
    load->now_ns = monotonic_ns();
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        drop(load, player);
        return;
    }
    if (load->now_ns >= load->window_start_ns && load->now_ns < load->window_end_ns)
        load->window.in_time_bytes += (uint64_t)length;
    receiver_feed(&player->receiver, &load->reception, load->buffer, (size_t)length);
    if (player->receiver.response.state > RESPONSE_COMPLETE)
        load->refused++;
    if (player->receiver.response.state >= RESPONSE_COMPLETE)
        drop(load, player);
}

void player_ready(struct load *load, struct player *player, uint32_t events)
{
    if (player->state == PLAYER_CONNECTING)
        send_request(load, player);
    else if (player->state == PLAYER_READING && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_response(load, player);
}

void players_retry(struct load *load)
{
    uint64_t next = NEVER;
    load->next_retry_ns = NEVER; /* player_connect may set it again, for a later time */
    for (uint32_t i = 0; i < load->player_count; i++) {
        struct player *player = &load->players[i];
        if (player->retry_ns <= load->now_ns)
            player_connect(load, player);
        if (player->retry_ns < next)
            next = player->retry_ns;
    }
    load->next_retry_ns = next;
}

void players_pause(struct load *load, bool paused)
{
    for (uint32_t i = 0; i < load->player_count; i++) {
        struct player *player = &load->players[i];
        if (player->stalls && player->state == PLAYER_READING)
            watch(load, player, paused ? 0 : EPOLLIN, EPOLL_CTL_MOD);
    }
}
