/* What the yardstick is asked for. */
#include "fail.h"
#include "manifest.h"
#include "yardstick.h"

enum { OBJECT_SIZE_MAX = 16 << 20 };

/* The name that a path goes on with behind `*at`, up to a slash or the end; false: there is none. */
static bool take_name(const char **at, const char **name, size_t *length)
{
    *name = *at;
    *length = strcspn(*at, "/ ?\r");
    *at += *length + (*(*at + *length) == '/');
    return *length > 0 && *length < CHANNEL_NAME_MAX;
}

/* `/live/{channel}/manifest.mpd`, `…/{track}/init.mp4`, `…/{track}/{number}.m4s`.
 * False: there is no such thing. */
static bool start_live(struct server *server, struct connection *connection, const char *head)
{
    const char *at = head + strlen("GET /live/"), *name;
    size_t length;
    struct frame *found = objects_get(server->objects, head);
    if (found == NULL && take_name(&at, &name, &length)) {
        struct channel *channel = channel_named(&server->channels, name, length);
        if (strncmp(at, "manifest.mpd ", 13) == 0) {
            found = manifest_of(channel, head);
        } else if (take_name(&at, &name, &length)) {
            struct track *track = track_named(&channel->tracks, name, length);
            uint64_t number = strtoull(at, NULL, 10);
            if (strncmp(at, "init.mp4 ", 9) == 0) {
                found = track->init;
            } else if (number > 0 && reader_follow(&connection->reader, track, number)) {
                connection->role = READER;
                serve_reader(server, connection);
                return true;
            }
        }
    }
    if (found != NULL)
        start_answer(server, connection, found);
    return found != NULL;
}

/* A whole upload is a channel of its own for players, and its track is called video. */
static bool start_ingest(struct server *server, struct connection *connection, const char *head,
                         size_t head_length)
{
    const char *at = head + strlen("POST /ingest/"), *path = at, *name;
    size_t length, path_length = strcspn(path, " ?\r");
    if (path_length >= CHANNEL_NAME_MAX || !take_name(&at, &name, &length)) {
        answer(connection, "404 Not Found", "no such thing here\n");
        return false;
    }
    struct channel *presentation = channel_named(&server->channels, name, length);
    struct channel *channel = channel_named(&server->channels, path, path_length);
    if (!take_name(&at, &name, &length))
        name = "video", length = 5;
    struct track *track = track_named(&presentation->tracks, name, length);
    return upload_start(server, connection, channel, track, head, head_length);
}

static bool start_put(struct connection *connection, const char *head, size_t head_length)
{
    const char *told = strcasestr(head, "\r\ncontent-length: ");
    size_t length = told != NULL ? strtoul(told + 18, NULL, 10) : 0;
    if (length == 0 || length > OBJECT_SIZE_MAX) {
        answer(connection, "411 Length Required", "a PUT has a length, and not too large a one\n");
        return false;
    }
    connection->role = PUTTING;
    connection->put_length = head_length + length;
    connection->input_capacity = connection->put_length + 1;
    connection->input = realloc(connection->input, connection->input_capacity);
    if (connection->input == NULL)
        fail_errno("allocate object");
    return true;
}

void take_put(struct server *server, struct connection *connection)
{
    if (connection->input_length < connection->put_length)
        return;
    char *head = (char *)connection->input;
    char *body = strstr(head, "\r\n\r\n") + 4;
    size_t head_length = (size_t)(body - head);
    body[-1] = '\0'; /* the head is searched as a string */
    objects_put(&server->objects, head, connection->input + head_length,
                connection->put_length - head_length);
    answer(connection, "201 Created", "");
    hang_up(server, connection);
}

static bool is(const char *head, const char *beginning)
{
    return strncmp(head, beginning, strlen(beginning)) == 0;
}

static void start_time(struct server *server, struct connection *connection)
{
    struct frame *frame = time_now();
    start_answer(server, connection, frame);
    frame_release(frame);
}

bool route(struct server *server, struct connection *connection, const char *head,
           size_t head_length)
{
    if (is(head, "GET /live/") && start_live(server, connection, head))
        return true; /* it may be gone already: who sends sees to that */
    if (is(head, "GET /play/")) {
        size_t length = strcspn(head + 10, " ?\r");
        if (length > 0 && length < CHANNEL_NAME_MAX) {
            start_player(server, connection, channel_named(&server->channels, head + 10, length));
            return true;
        }
    }
    if (is(head, "POST /ingest/"))
        return start_ingest(server, connection, head, head_length);
    if (is(head, "PUT /live/"))
        return start_put(connection, head, head_length);
    if (is(head, "GET /time ")) {
        start_time(server, connection);
        return true;
    }
    if (is(head, "GET /healthz "))
        answer(connection, "200 OK", "ok\n");
    else
        answer(connection, "404 Not Found", "no such thing here\n");
    return false;
}
