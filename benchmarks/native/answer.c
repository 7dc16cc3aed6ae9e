/* What comes back on a connection: compared, counted, timed. */
#include <sys/socket.h>
#include <unistd.h>

#include "audience.h"
#include "clock.h"
#include "fail.h"

enum {
    RECEIVE_BUFFER_SIZE = 256 << 10, /* one for all */
    /* As dash.js does it with low latency (Settings.js: 1000 ms / 10, 3 × 5 attempts). */
    RETRY_AFTER_MS = 100,
    ATTEMPTS_MAX = 15,
};

void answers_prepare(struct audience *audience)
{
    audience->buffer = must_allocate(RECEIVE_BUFFER_SIZE, 1);
}

/* ---- while it comes ------------------------------------------------------------------------- */

static void note_chunk(struct audience *audience, struct connection *connection,
                       const struct chunk *chunk)
{
    struct viewer *viewer = connection->viewer;
    uint64_t now = audience->now_ns;
    uint64_t since = chunk->made_ns > connection->due_ns ? chunk->made_ns : connection->due_ns;
    bool in_window = since >= audience->window_start_ns && since < audience->window_end_ns;
    uint64_t late = now > since ? now - since : 0;
    if (connection->chunks == 0) {
        audience->account.held += chunk->made_ns > connection->due_ns;
        if (in_window)
            histogram_add(&audience->first, late);
    } else if (in_window && chunk->made_ns >= connection->due_ns) { /* else it is backlog */
        histogram_add(&audience->following, late);
    }
    if (connection->chunks++ == 0)
        viewer_awaits_no_more(audience, viewer, connection->thing->track);
    if (now >= audience->window_start_ns && now < audience->window_end_ns)
        audience->account.deliveries++;
    viewer->tracks_seen |= 1u << connection->thing->track;
    if (!viewer->joined && viewer->tracks_seen + 1 == 1u << audience->track_count) {
        viewer->joined = true;
        audience->joined++;
    }
}

static struct original *original_of(struct audience *audience, struct connection *connection)
{
    if (connection->thing->kind != MANIFEST)
        return &connection->thing->original;
    struct version *version = &audience->versions[connection->version % VERSIONS_KEPT];
    return version->id == connection->version ? &version->original : NULL;
}

struct reading {
    struct audience *audience;
    struct connection *connection;
};

static void take_body(void *context, const unsigned char *bytes, size_t length)
{
    const struct reading *reading = context;
    struct audience *audience = reading->audience;
    struct connection *connection = reading->connection;
    struct thing *thing = connection->thing;
    struct original *original = original_of(audience, connection);
    if (connection->ignored || original == NULL)
        return;
    bool none_before = original->chunk_count == 0;
    if (!original_take(original, &audience->inspection, connection->at, bytes, length)) {
        connection->ignored = true;
        return;
    }
    connection->at += length;
    if (none_before && original->chunk_count > 0)
        agenda_join(audience, thing);
    while (connection->chunks < original->chunk_count &&
           original->chunks[connection->chunks].end <= connection->at)
        note_chunk(audience, connection, &original->chunks[connection->chunks]);
}

/* A manifest that is known by its ETag, or a new one. */
static void find_version(struct audience *audience, struct connection *connection)
{
    size_t length;
    const char *etag = response_header(&connection->response, "etag", &length);
    if (etag == NULL || length >= ETAG_MAX)
        etag = "", length = 0;
    for (int i = 0; i < VERSIONS_KEPT; i++) {
        struct version *version = &audience->versions[i];
        if (version->id > 0 && strlen(version->etag) == length &&
            memcmp(version->etag, etag, length) == 0) {
            connection->version = version->id;
            return;
        }
    }
    connection->version = ++audience->newest_version;
    struct version *version = &audience->versions[connection->version % VERSIONS_KEPT];
    original_free(&version->original);
    memset(version, 0, sizeof *version);
    version->id = connection->version;
    memcpy(version->etag, etag, length);
    audience->account.changed++;
}

static void take_head(struct audience *audience, struct connection *connection)
{
    if (connection->response.status != 200)
        connection->ignored = true;
    else if (connection->thing->kind == MANIFEST)
        find_version(audience, connection);
}

/* ---- when it is over ------------------------------------------------------------------------ */

static void hang_up(struct connection *connection)
{
    must(close(connection->fd), "close connection");
    connection->fd = -1;
}

static void set_free(struct audience *audience, struct connection *connection)
{
    struct thing *thing = connection->thing;
    thing->readers--;
    connection->thing = NULL;
    connection->state = connection->fd < 0 ? CLOSED : IDLE;
    if (thing->kind == SEGMENT && connection->chunks == 0)
        viewer_awaits_no_more(audience, connection->viewer, thing->track);
}

/* Not what was wanted: again, for as long as dash.js would. */
static void try_again(struct audience *audience, struct connection *connection)
{
    if (connection->attempts >= ATTEMPTS_MAX) {
        audience->account.given_up++;
        set_free(audience, connection);
        return;
    }
    audience->account.retried++;
    connection->attempts++;
    connection->state = RESTING;
    connection->retry_ns = audience->now_ns + RETRY_AFTER_MS * NS_PER_MS;
    if (connection->retry_ns < audience->next_retry_ns)
        audience->next_retry_ns = connection->retry_ns;
}

static void count_status(struct account *account, unsigned status)
{
    account->not_found += status == 404;
    account->gone += status == 410;
    account->refused += status != 404 && status != 410;
}

static void got(struct audience *audience, struct connection *connection)
{
    struct thing *thing = connection->thing;
    struct original *original = original_of(audience, connection);
    bool segment = thing->kind == SEGMENT;
    if (original != NULL && !connection->ignored)
        original_end(original, &audience->inspection, connection->at);
    audience->account.complete += segment;
    audience->account.empty += segment && connection->chunks == 0;
    if (segment)
        agenda_join(audience, thing);
    if (thing->kind == MANIFEST)
        connection->viewer->version = connection->version;
}

static void answered(struct audience *audience, struct connection *connection)
{
    struct thing *thing = connection->thing;
    unsigned status = connection->response.status;
    connection->reused = true;
    if (connection->response.closes)
        hang_up(connection);
    if (status != 200 && status != 304) {
        count_status(&audience->account, status);
        try_again(audience, connection);
        return;
    }
    audience->account.not_modified += status == 304;
    if (status == 200)
        got(audience, connection);
    set_free(audience, connection);
    viewer_go_on(audience, connection->viewer, thing->kind);
}

/* The other side has closed, or what came is no answer. */
static void broke(struct audience *audience, struct connection *connection)
{
    bool untouched = connection->reused && connection->response.head_length == 0;
    hang_up(connection);
    if (connection->state == IDLE) {
        connection->state = CLOSED;
    } else if (connection->state == ASKING && untouched) {
        audience->account.reconnects++; /* closed for being idle, just then: nobody's fault */
        connection_start(audience, connection);
    } else if (connection->state != RESTING) {
        audience->account.aborted++;
        try_again(audience, connection);
    }
}

static void take_answer(struct audience *audience, struct connection *connection, size_t length)
{
    struct reading reading = {.audience = audience, .connection = connection};
    struct response *response = &connection->response;
    connection->heard_ns = audience->now_ns;
    if (audience->now_ns >= audience->window_start_ns)
        audience->account.bytes += length;
    for (size_t at = 0; at < length && response->state < RESPONSE_COMPLETE;) {
        bool in_head = response->state == IN_HEAD;
        at += response_feed(response, audience->buffer + at, length - at, take_body, &reading);
        if (in_head && response->state != IN_HEAD && response->state != RESPONSE_MALFORMED)
            take_head(audience, connection);
    }
    if (response->state == RESPONSE_COMPLETE)
        answered(audience, connection);
    else if (response->state == RESPONSE_MALFORMED)
        broke(audience, connection);
}

void connection_read(struct audience *audience, struct connection *connection)
{
    ssize_t length;
    do { /* a short read has emptied the socket: edges are all that epoll tells */
        length = recv(connection->fd, audience->buffer, RECEIVE_BUFFER_SIZE, 0);
        audience->now_ns = monotonic_ns();
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (length <= 0 || connection->state != ASKING)
            broke(audience, connection);
        else
            take_answer(audience, connection, (size_t)length);
    } while (length == RECEIVE_BUFFER_SIZE && connection->fd >= 0);
}
