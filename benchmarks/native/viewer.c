/* One viewer: joins by the manifest and the init segments, then gets every segment as it grows. */
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "audience.h"
#include "clock.h"
#include "fail.h"

enum { REQUEST_MAX = 1024 };

/* ---- connections ---------------------------------------------------------------------------- */

static struct connection *add_connection(struct viewer *viewer, struct connection **slot)
{
    struct connection *connection = must_allocate(1, sizeof *connection);
    connection->kind = FROM_CONNECTION;
    connection->state = CLOSED;
    connection->fd = -1;
    connection->viewer = viewer;
    return *slot = connection;
}

/* One that is open and idle, else one that can be opened; NULL when all are busy. */
static struct connection *free_connection(struct viewer *viewer)
{
    struct connection *closed = NULL;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = viewer->connections[i];
        if (connection == NULL)
            return closed != NULL ? closed : add_connection(viewer, &viewer->connections[i]);
        if (connection->state == IDLE)
            return connection;
        if (connection->state == CLOSED)
            closed = connection;
    }
    return closed;
}

static void open_connection(struct audience *audience, struct connection *connection)
{
    const struct settings *settings = &audience->settings;
    /* Edges only: a short read has emptied the socket, nobody need ask for it again. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    int on = 1;
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    if (settings->sources > 1) { /* loopback: addresses 127.0.0.1 … in turn */
        struct sockaddr_in source = {.sin_family = AF_INET};
        source.sin_addr.s_addr =
            htonl(INADDR_LOOPBACK + connection->viewer->index % settings->sources);
        must(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on),
             "IP_BIND_ADDRESS_NO_PORT");
        must(bind(fd, (struct sockaddr *)&source, sizeof source), "bind source address");
    }
    connection->fd = fd;
    connection->state = CONNECTING;
    connection->reused = false;
    if (connect(fd, (const struct sockaddr *)&settings->address, sizeof settings->address) < 0 &&
        errno != EINPROGRESS)
        fail_errno("connect");
    must(epoll_ctl(audience->epoll_fd, EPOLL_CTL_ADD, fd, &event), "watch connection");
}

/* ---- asking --------------------------------------------------------------------------------- */

static const char *condition(const struct audience *audience, const struct viewer *viewer,
                             char text[ETAG_MAX + 32])
{
    const struct version *version = &audience->versions[viewer->version % VERSIONS_KEPT];
    text[0] = '\0';
    if (version->id == viewer->version && version->id > 0 && version->etag[0] != '\0')
        snprintf(text, ETAG_MAX + 32, "If-None-Match: %s\r\n", version->etag);
    return text;
}

static void send_request(struct audience *audience, struct connection *connection)
{
    char request[REQUEST_MAX], more[ETAG_MAX + 32] = "";
    const struct thing *thing = connection->thing;
    bool manifest = thing->kind == MANIFEST;
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: sorgente-audience\r\n%s%s\r\n",
                          thing->target, audience->settings.host,
                          manifest ? "Accept-Encoding: gzip\r\n" : "",
                          manifest ? condition(audience, connection->viewer, more) : "");
    connection->state = ASKING;
    connection->at = connection->chunks = 0;
    connection->ignored = false;
    response_start(&connection->response);
    connection->heard_ns = audience->now_ns = monotonic_ns();
    ssize_t sent = send(connection->fd, request, (size_t)length, MSG_NOSIGNAL);
    (void)sent; /* an idle socket takes a request whole; if it is broken, recv() will tell */
}

/* The connection's thing is asked for, once more or for the first time. */
void connection_start(struct audience *audience, struct connection *connection)
{
    if (connection->fd < 0)
        open_connection(audience, connection); /* the request goes out when it stands */
    else
        send_request(audience, connection);
}

static void put_off(struct viewer *viewer, struct thing *thing)
{
    struct thing **after = &viewer->after[thing->track];
    if (*after != NULL)
        (*after)->readers--;
    *after = thing;
    thing->readers++;
}

void viewer_awaits_no_more(struct audience *audience, struct viewer *viewer, uint32_t track)
{
    struct thing *after = viewer->after[track];
    viewer->awaits[track] = false;
    viewer->after[track] = NULL;
    if (after == NULL)
        return;
    after->readers--;
    viewer_ask(audience, viewer, after, audience->now_ns);
}

void viewer_ask(struct audience *audience, struct viewer *viewer, struct thing *thing,
                uint64_t due_ns)
{
    struct account *account = &audience->account;
    if (thing->kind == SEGMENT && viewer->awaits[thing->track]) {
        put_off(viewer, thing);
        return;
    }
    struct connection *connection = free_connection(viewer);
    if (connection == NULL) {
        account->crowded++;
        return;
    }
    if (thing->kind == SEGMENT) {
        account->segments++;
        viewer->awaits[thing->track] = true;
        viewer->newest[thing->track] = thing->number + 1;
    }
    account->manifests += thing->kind == MANIFEST;
    connection->thing = thing;
    connection->due_ns = due_ns;
    connection->attempts = 1;
    thing->readers++;
    connection_start(audience, connection);
    uint64_t asked_ns = monotonic_ns();
    if (asked_ns >= audience->window_start_ns)
        histogram_add(&audience->asked_late, asked_ns - due_ns);
}

/* ---- joining -------------------------------------------------------------------------------- */

void viewer_enter(struct audience *audience, struct viewer *viewer)
{
    viewer->state = AT_MANIFEST;
    viewer_ask(audience, viewer, &audience->manifest, audience->now_ns);
}

static struct thing *newest(const struct audience *audience, const struct viewer *viewer,
                            enum thing_kind kind, uint32_t track)
{
    struct thing *found = NULL;
    for (struct thing *thing = audience->things; thing != NULL; thing = thing->next)
        if (thing->kind == kind && thing->track == track &&
            (kind == INIT ||
             thing->due_ns + (uint64_t)viewer_offset_ns(audience, viewer) <= audience->now_ns))
            found = thing;
    return found;
}

static void ask_newest(struct audience *audience, struct viewer *viewer, enum thing_kind kind)
{
    for (uint32_t track = 0; track < audience->track_count; track++) {
        struct thing *thing = newest(audience, viewer, kind, track);
        if (thing != NULL)
            viewer_ask(audience, viewer, thing, audience->now_ns);
    }
}

void viewer_go_on(struct audience *audience, struct viewer *viewer, enum thing_kind got)
{
    if (viewer->state == AT_MANIFEST) {
        viewer->state = AT_INITS;
        viewer->inits_left = audience->track_count;
        ask_newest(audience, viewer, INIT);
    } else if (viewer->state == AT_INITS && got == INIT && --viewer->inits_left == 0) {
        viewer->state = WATCHING;
        ask_newest(audience, viewer, SEGMENT);
    }
}

/* ---- what epoll and the clock hand back --------------------------------------------------------- */

void connection_ready(struct audience *audience, struct connection *connection, uint32_t events)
{
    if (connection->fd < 0)
        return; /* closed earlier in this batch */
    if (connection->state == CONNECTING && !(events & (EPOLLHUP | EPOLLERR)))
        send_request(audience, connection);
    else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        connection_read(audience, connection);
}

void connections_retry(struct audience *audience)
{
    audience->next_retry_ns = NEVER;
    for (uint32_t i = 0; i < audience->settings.viewers; i++) {
        for (int j = 0; j < CONNECTIONS_MAX; j++) {
            struct connection *connection = audience->viewers[i].connections[j];
            if (connection == NULL || connection->state != RESTING)
                continue;
            if (connection->retry_ns <= audience->now_ns)
                connection_start(audience, connection);
            else if (connection->retry_ns < audience->next_retry_ns)
                audience->next_retry_ns = connection->retry_ns;
        }
    }
}
