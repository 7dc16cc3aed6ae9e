/* The yardstick: what a live origin costs at least. One thread, epoll, one send() per player and
 * chunk; no library, no memory touched per delivery but the player's own place.
 *
 * It does an origin's whole duty on these paths: it takes the upload's chunked coding off, builds each
 * frame once, starts late players with the init segment at the newest sync chunk, goes on after
 * short writes where it stopped, leaves full sockets alone until they are writable, and lets players
 * that are too far behind skip to a sync chunk. One HTTP frame of the upload is one chunk: the
 * generator sends it so. Segments are cut at sync chunks and sent while they grow; a request for the
 * next one is held. What was PUT is answered from memory, whole.
 *
 *   POST /ingest/{channel}[/{track}]   GET /play/{channel}   GET /healthz
 *   GET /live/{channel}/manifest.mpd, /live/{channel}/{track}/{number}.m4s, …/init.mp4   GET /time
 *   PUT and then GET /live/…
 */
#include "yardstick.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

enum {
    EVENTS_AT_ONCE = 256,
    LISTEN_BACKLOG = 4096,
    REQUEST_HEAD_MAX = 4096,
    LIFETIME_SECONDS = 3600, /* a forgotten yardstick ends by itself */
    ACCEPTS_AT_ONCE = 64,
    /* What a player has not taken stays in the window, not in the kernel: there a stalled player can
     * hold megabytes, and every send() to it costs more than one to a player that reads. */
    UNSENT_MAX = 128 << 10,
};

void watch(struct server *server, struct connection *connection, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    must(epoll_ctl(server->epoll_fd, operation, connection->fd, &event), "epoll_ctl");
}

void hang_up(struct server *server, struct connection *connection)
{
    if (connection->role == PLAYER)
        channel_leave(&connection->player);
    if (connection->role == READER)
        reader_leave(&connection->reader);
    if (connection->role == UPLOAD)
        connection->channel->has_publisher = false;
    must(close(connection->fd), "close"); /* takes it out of epoll, too */
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

void answer(struct connection *connection, const char *status, const char *body)
{
    char response[256];
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n%s",
                          status, strlen(body), body);
    /* An empty send buffer takes this whole; a client that has gone does not want it. */
    (void)!send(connection->fd, response, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- players -------------------------------------------------------------------------------- */

/* Looks out for room in the socket, or no longer. */
static void set_blocked(struct server *server, struct connection *connection, bool *was, bool is)
{
    if (*was != is)
        watch(server, connection, EPOLLIN | EPOLLRDHUP | (is ? EPOLLOUT : 0u), EPOLL_CTL_MOD);
    *was = is;
}

/* False: the connection is gone. */
static bool serve_player(struct server *server, struct connection *connection)
{
    struct player *player = &connection->player;
    enum pump_result result = player_pump(player);
    switch (result) {
    case PUMP_IDLE:
    case PUMP_BLOCKED:
        set_blocked(server, connection, &player->blocked, result == PUMP_BLOCKED);
        return true;
    default: /* broken, or all is written */
        hang_up(server, connection);
        return false;
    }
}

void serve_players(struct server *server, struct channel *channel)
{
    for (size_t i = 0; i < channel->player_count;) {
        struct player *player = channel->players[i];
        if (player->blocked || serve_player(server, player_connection(player)))
            i++; /* else another player has taken this place */
    }
}

static void player_ready(struct server *server, struct connection *connection, uint32_t events)
{
    char ignored[1024];
    if (events & EPOLLIN && recv(connection->fd, ignored, sizeof ignored, 0) <= 0)
        events |= EPOLLHUP;
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        hang_up(server, connection);
    else if (events & EPOLLOUT)
        serve_player(server, connection);
}

void start_player(struct server *server, struct connection *connection, struct channel *channel)
{
    free(connection->input);
    connection->input = NULL;
    connection->role = PLAYER;
    channel_join(channel, &connection->player);
    serve_player(server, connection);
}

/* ---- readers -------------------------------------------------------------------------------- */

bool serve_reader(struct server *server, struct connection *connection)
{
    struct reader *reader = &connection->reader;
    enum pump_result result = reader_pump(reader);
    switch (result) {
    case PUMP_IDLE:
    case PUMP_BLOCKED:
        set_blocked(server, connection, &reader->blocked, result == PUMP_BLOCKED);
        return true;
    case PUMP_ENDED:
        set_blocked(server, connection, &reader->blocked, false);
        reader_leave(reader);
        connection->role = ASKER;
        connection->input_length = 0;
        return false;
    default:
        hang_up(server, connection);
        return false;
    }
}

void serve_readers(struct server *server, struct track *track)
{
    for (size_t i = 0; i < track->reader_count;) {
        struct reader *reader = track->readers[i];
        if (reader->blocked || serve_reader(server, reader_connection(reader)))
            i++; /* else another reader has taken this place */
    }
}

static void reader_ready(struct server *server, struct connection *connection, uint32_t events)
{
    if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP | EPOLLIN)) /* nobody asks before the end */
        hang_up(server, connection);
    else if (events & EPOLLOUT)
        serve_reader(server, connection);
}

void start_answer(struct server *server, struct connection *connection, struct frame *frame)
{
    connection->role = READER;
    reader_send(&connection->reader, frame);
    serve_reader(server, connection);
}

/* ---- requests ------------------------------------------------------------------------------- */

static void input_ready(struct server *server, struct connection *connection)
{
    ssize_t length = recv(connection->fd, connection->input + connection->input_length,
                          connection->input_capacity - 1 - connection->input_length, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) { /* gone, or the head is too long */
        hang_up(server, connection);
        return;
    }
    connection->input_length += (size_t)length;
    connection->input[connection->input_length] = '\0';
    if (connection->role == ASKER) {
        char *head = (char *)connection->input;
        char *end = strstr(head, "\r\n\r\n");
        if (end != NULL && !route(server, connection, head, (size_t)(end + 4 - head)))
            hang_up(server, connection);
    }
    if (connection->role == PUTTING)
        take_put(server, connection);
}

static void accept_some(struct server *server)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int on = 1, unsent_max = UNSENT_MAX;
        int fd = accept4(server->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
            return;
        must(fd, "accept");
        must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
        must(setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max),
             "TCP_NOTSENT_LOWAT");
        struct connection *connection = must_allocate(1, sizeof *connection);
        connection->role = ASKER;
        connection->fd = connection->player.fd = connection->reader.fd = fd;
        connection->input_capacity = REQUEST_HEAD_MAX;
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
    server->listener = (struct connection){.role = LISTENER, .fd = fd};
    watch(server, &server->listener, EPOLLIN, EPOLL_CTL_ADD);
}

static void dispatch(struct server *server, struct connection *connection, uint32_t events)
{
    switch (connection->role) {
    case LISTENER:
        accept_some(server);
        break;
    case ASKER:
    case PUTTING:
        input_ready(server, connection);
        break;
    case READER:
        reader_ready(server, connection, events);
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
