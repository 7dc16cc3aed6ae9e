/* The yardstick: what a live origin costs at least. One thread, epoll, one send() per player and
 * chunk; no library, no memory touched per delivery but the player's own place.
 *
 * It does an origin's whole duty on this path: it takes the upload's chunked coding off, builds each
 * frame once, starts late players with the init segment at the newest sync chunk, goes on after
 * short writes where it stopped, leaves full sockets alone until they are writable, and lets players
 * that are too far behind skip to a sync chunk. One HTTP frame of the upload is one chunk: the
 * generator sends it so.
 *
 *   POST /ingest/{channel}   GET /play/{channel}   GET /healthz
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "faults.h"
#include "relay.h"

enum {
    EVENTS_AT_ONCE = 256,
    LISTEN_BACKLOG = 4096,
    REQUEST_HEAD_MAX = 4096,
    UPLOAD_FRAME_MAX = 4 << 20,
    UPLOAD_BUFFER_START = 64 << 10,
    LIFETIME_SECONDS = 3600, /* a forgotten yardstick ends by itself */
    ACCEPTS_AT_ONCE = 64,
    /* What a player has not taken stays in the window, not in the kernel: there a stalled player can
     * hold megabytes, and every send() to it costs more than one to a player that reads. */
    UNSENT_MAX = 128 << 10,
};

enum role { LISTENER, NEWCOMER, UPLOAD, PLAYER, GONE };

struct connection {
    enum role role;
    struct player player; /* of a PLAYER; its fd is everybody's fd */
    struct channel *channel; /* of an UPLOAD */
    unsigned char *input; /* request head, then upload; players have none */
    size_t input_length, input_capacity;
    struct connection *next_gone;
};

struct server {
    int epoll_fd;
    struct connection listener;
    struct channel *channels;
    struct connection *gone; /* freed after the batch of events that may still name them */
};

static void watch(struct server *server, struct connection *connection, uint32_t events,
                  int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    must(epoll_ctl(server->epoll_fd, operation, connection->player.fd, &event), "epoll_ctl");
}

static void hang_up(struct server *server, struct connection *connection)
{
    if (connection->role == PLAYER)
        channel_leave(&connection->player);
    if (connection->role == UPLOAD)
        connection->channel->has_publisher = false;
    must(close(connection->player.fd), "close"); /* takes it out of epoll, too */
    free(connection->input);
    connection->input = NULL;
    connection->role = GONE;
    connection->next_gone = server->gone;
    server->gone = connection;
}

static void bury_gone(struct server *server)
{
    while (server->gone != NULL) {
        struct connection *connection = server->gone;
        server->gone = connection->next_gone;
        free(connection);
    }
}

static void answer(struct connection *connection, const char *status, const char *body)
{
    char response[256];
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s",
                          status, strlen(body), body);
    /* An empty send buffer takes this whole; a client that has gone does not want it. */
    (void)!send(connection->player.fd, response, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- players -------------------------------------------------------------------------------- */

/* False: the connection is gone. */
static bool serve(struct server *server, struct connection *connection)
{
    struct player *player = &connection->player;
    switch (player_pump(player)) {
    case PUMP_IDLE:
        if (player->blocked)
            watch(server, connection, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
        player->blocked = false;
        return true;
    case PUMP_BLOCKED:
        if (!player->blocked)
            watch(server, connection, EPOLLIN | EPOLLRDHUP | EPOLLOUT, EPOLL_CTL_MOD);
        player->blocked = true;
        return true;
    default: /* broken, or all is written */
        hang_up(server, connection);
        return false;
    }
}

static struct connection *connection_of(struct player *player)
{
    return (struct connection *)(void *)((char *)player - offsetof(struct connection, player));
}

static void serve_all(struct server *server, struct channel *channel)
{
    for (size_t i = 0; i < channel->player_count;) {
        struct player *player = channel->players[i];
        if (player->blocked || serve(server, connection_of(player)))
            i++; /* else another player has taken this place */
    }
}

static void player_ready(struct server *server, struct connection *connection, uint32_t events)
{
    char ignored[1024];
    if (events & EPOLLIN && recv(connection->player.fd, ignored, sizeof ignored, 0) <= 0)
        events |= EPOLLHUP;
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        hang_up(server, connection);
    else if (events & EPOLLOUT)
        serve(server, connection);
}

static void start_player(struct server *server, struct connection *connection,
                         struct channel *channel)
{
    free(connection->input);
    connection->input = NULL;
    connection->role = PLAYER;
    channel_join(channel, &connection->player);
    serve(server, connection);
}

/* ---- uploads -------------------------------------------------------------------------------- */

enum parsed { PARSED_FRAME, PARSED_NOTHING, PARSED_RUBBISH };

/* A whole HTTP frame at the start of the bytes: its body, and how long it is in all. */
static enum parsed parse_frame(const unsigned char *bytes, size_t length, size_t *body_at,
                               size_t *body_size, size_t *frame_size)
{
    size_t size = 0, digits = 0;
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = bytes[at];
        if (byte == '\r')
            continue;
        if (byte == '\n') {
            if (digits == 0 || size > UPLOAD_FRAME_MAX)
                return PARSED_RUBBISH;
            *body_at = at + 1;
            *body_size = size;
            *frame_size = at + 1 + size + 2;
            return length >= *frame_size ? PARSED_FRAME : PARSED_NOTHING;
        }
        int digit = byte >= '0' && byte <= '9'                    ? byte - '0'
                    : (byte | 0x20) >= 'a' && (byte | 0x20) <= 'f' ? (byte | 0x20) - 'a' + 10
                                                                   : -1;
        if (digit < 0 || ++digits > 8)
            return PARSED_RUBBISH;
        size = size * 16 + (size_t)digit;
    }
    return PARSED_NOTHING;
}

/* False: the upload is over, and with it the connection. */
static bool relay_frames(struct server *server, struct connection *connection)
{
    struct channel *channel = connection->channel;
    size_t at = 0, body_at, body_size, frame_size;
    enum parsed parsed;
    while ((parsed = parse_frame(connection->input + at, connection->input_length - at, &body_at,
                                 &body_size, &frame_size)) == PARSED_FRAME) {
        faults_relay(channel, connection->input + at + body_at, body_size);
        at += frame_size;
        serve_all(server, channel);
        if (body_size == 0) {
            answer(connection, "200 OK", "");
            return false;
        }
    }
    if (parsed == PARSED_RUBBISH) {
        answer(connection, "400 Bad Request", "not the chunked coding, or a frame too large\n");
        return false;
    }
    connection->input_length -= at;
    memmove(connection->input, connection->input + at, connection->input_length);
    return true;
}

/* An upload that breaks off must not look complete: no last frame. */
static void abort_channel(struct server *server, struct channel *channel)
{
    while (channel->player_count > 0)
        hang_up(server, connection_of(channel->players[0]));
}

static void upload_ready(struct server *server, struct connection *connection)
{
    if (connection->input_length == connection->input_capacity) {
        connection->input_capacity *= 2; /* bounded: a frame that is too large is refused */
        connection->input = realloc(connection->input, connection->input_capacity);
        if (connection->input == NULL)
            fail_errno("allocate upload buffer");
    }
    ssize_t length = recv(connection->player.fd, connection->input + connection->input_length,
                          connection->input_capacity - connection->input_length, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        abort_channel(server, connection->channel);
        hang_up(server, connection);
        return;
    }
    connection->input_length += (size_t)length;
    if (!relay_frames(server, connection)) {
        if (!connection->channel->ended)
            abort_channel(server, connection->channel);
        hang_up(server, connection);
    }
}

static bool start_upload(struct server *server, struct connection *connection,
                         struct channel *channel, const char *head, size_t head_length)
{
    if (strcasestr(head, "\r\ntransfer-encoding: chunked\r\n") == NULL) {
        answer(connection, "411 Length Required", "only chunked uploads\n");
        return false;
    }
    if (channel->has_publisher) {
        answer(connection, "409 Conflict", "the channel has a publisher\n");
        return false;
    }
    if (strcasestr(head, "\r\nexpect: 100-continue\r\n") != NULL)
        (void)!send(connection->player.fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    connection->input_length -= head_length;
    unsigned char *buffer = must_allocate(UPLOAD_BUFFER_START, 1);
    memcpy(buffer, connection->input + head_length, connection->input_length);
    free(connection->input);
    connection->input = buffer;
    connection->input_capacity = UPLOAD_BUFFER_START;
    connection->role = UPLOAD;
    connection->channel = channel;
    channel->has_publisher = true;
    channel_restart(channel);
    if (relay_frames(server, connection))
        return true;
    if (!channel->ended)
        abort_channel(server, channel);
    return false;
}

/* ---- requests ------------------------------------------------------------------------------- */

static struct channel *channel_in(struct server *server, const char *head, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    if (strncmp(head, prefix, prefix_length) != 0)
        return NULL;
    size_t length = strcspn(head + prefix_length, " ?\r");
    if (length == 0 || length >= CHANNEL_NAME_MAX)
        return NULL;
    return channel_named(&server->channels, head + prefix_length, length);
}

/* False: the connection is done with. */
static bool route(struct server *server, struct connection *connection, const char *head,
                  size_t head_length)
{
    struct channel *channel;
    if ((channel = channel_in(server, head, "GET /play/")) != NULL) {
        start_player(server, connection, channel);
        return true; /* it may be gone already, but then start_player has seen to it */
    }
    if ((channel = channel_in(server, head, "POST /ingest/")) != NULL)
        return start_upload(server, connection, channel, head, head_length);
    if (strncmp(head, "GET /healthz ", 13) == 0)
        answer(connection, "200 OK", "ok\n");
    else
        answer(connection, "404 Not Found", "no such thing here\n");
    return false;
}

static void newcomer_ready(struct server *server, struct connection *connection)
{
    ssize_t length = recv(connection->player.fd, connection->input + connection->input_length,
                          REQUEST_HEAD_MAX - 1 - connection->input_length, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) { /* gone, or the head is too long */
        hang_up(server, connection);
        return;
    }
    connection->input_length += (size_t)length;
    connection->input[connection->input_length] = '\0';
    char *head = (char *)connection->input;
    char *end = strstr(head, "\r\n\r\n");
    if (end != NULL && !route(server, connection, head, (size_t)(end + 4 - head)))
        hang_up(server, connection);
}

static void accept_some(struct server *server)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int on = 1, unsent_max = UNSENT_MAX;
        int fd = accept4(server->listener.player.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
            return;
        must(fd, "accept");
        must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        must(setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max),
             "TCP_NOTSENT_LOWAT");
        struct connection *connection = must_allocate(1, sizeof *connection);
        connection->role = NEWCOMER;
        connection->player.fd = fd;
        connection->input = must_allocate(REQUEST_HEAD_MAX, 1);
        watch(server, connection, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
    }
}

/* ---- the process ---------------------------------------------------------------------------- */

static void listen_at(struct server *server, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(fd, LISTEN_BACKLOG), "listen");
    server->listener = (struct connection){.role = LISTENER, .player.fd = fd};
    watch(server, &server->listener, EPOLLIN, EPOLL_CTL_ADD);
}

static void dispatch(struct server *server, struct connection *connection, uint32_t events)
{
    switch (connection->role) {
    case LISTENER:
        accept_some(server);
        break;
    case NEWCOMER:
        newcomer_ready(server, connection);
        break;
    case UPLOAD:
        upload_ready(server, connection);
        break;
    case PLAYER:
        player_ready(server, connection, events);
        break;
    case GONE: /* hung up earlier in this batch */
        break;
    }
}

int main(int argc, char **argv)
{
    struct server server = {0};
    struct epoll_event events[EVENTS_AT_ONCE];
    struct rlimit files;
    long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (port < 1 || port > 65535)
        fail_because("usage", "yardstick PORT");
    must(prctl(PR_SET_PDEATHSIG, SIGTERM), "PR_SET_PDEATHSIG"); /* never outlives its runner */
    alarm(LIFETIME_SECONDS);
    must(getrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
    files.rlim_cur = files.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
    server.epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll");
    listen_at(&server, (uint16_t)port);
    for (;;) { /* until a signal or the alarm ends the process */
        int count = epoll_wait(server.epoll_fd, events, EVENTS_AT_ONCE, -1);
        if (count < 0 && errno != EINTR)
            fail_errno("epoll_wait");
        for (int i = 0; i < count; i++)
            dispatch(&server, events[i].data.ptr, events[i].events);
        bury_gone(&server);
    }
}
