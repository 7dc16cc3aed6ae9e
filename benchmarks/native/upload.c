/* The yardstick's uploads: the chunked coding taken off, each frame of it one piece. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "fail.h"
#include "faults.h"
#include "yardstick.h"

enum { UPLOAD_FRAME_MAX = 4 << 20, UPLOAD_BUFFER_START = 64 << 10 };

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

static void take_piece(void *context, const unsigned char *piece, size_t length)
{
    struct connection *connection = context;
    struct frame *frame = channel_append(connection->channel, piece, length);
    if (length > 0)
        track_append(connection->track, piece, length, frame);
    else
        track_end(connection->track);
}

/* False: the upload is over, and with it the connection. */
static bool relay_frames(struct server *server, struct connection *connection)
{
    size_t at = 0, body_at, body_size, frame_size;
    enum parsed parsed;
    while ((parsed = parse_frame(connection->input + at, connection->input_length - at, &body_at,
                                 &body_size, &frame_size)) == PARSED_FRAME) {
        faults_relay(take_piece, connection, connection->input + at + body_at, body_size);
        at += frame_size;
        serve_players(server, connection->channel);
        serve_readers(server, connection->track);
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
static void abort_upload(struct server *server, struct connection *connection)
{
    struct channel *channel = connection->channel;
    struct track *track = connection->track;
    while (channel->player_count > 0)
        hang_up(server, player_connection(channel->players[0]));
    while (track->reader_count > 0)
        hang_up(server, reader_connection(track->readers[0]));
}

void upload_ready(struct server *server, struct connection *connection)
{
    if (connection->input_length == connection->input_capacity) {
        connection->input_capacity *= 2; /* bounded: a frame that is too large is refused */
        connection->input = realloc(connection->input, connection->input_capacity);
        if (connection->input == NULL)
            fail_errno("allocate upload buffer");
    }
    ssize_t length = recv(connection->fd, connection->input + connection->input_length,
                          connection->input_capacity - connection->input_length, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        abort_upload(server, connection);
        hang_up(server, connection);
        return;
    }
    connection->input_length += (size_t)length;
    if (!relay_frames(server, connection)) {
        if (!connection->channel->ended)
            abort_upload(server, connection);
        hang_up(server, connection);
    }
}

bool upload_start(struct server *server, struct connection *connection, struct channel *channel,
                  struct track *track, const char *head, size_t head_length)
{
    if (strcasestr(head, "\r\ntransfer-encoding: chunked\r\n") == NULL) {
        answer(connection, "411 Length Required", "only chunked uploads\n");
        return false;
    }
    if (channel->has_publisher) {
        answer(connection, "409 Conflict", "there is a publisher\n");
        return false;
    }
    if (strcasestr(head, "\r\nexpect: 100-continue\r\n") != NULL)
        (void)!send(connection->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    connection->input_length -= head_length;
    unsigned char *buffer = must_allocate(UPLOAD_BUFFER_START, 1);
    memcpy(buffer, connection->input + head_length, connection->input_length);
    free(connection->input);
    connection->input = buffer;
    connection->input_capacity = UPLOAD_BUFFER_START;
    connection->role = UPLOAD;
    connection->channel = channel;
    connection->track = track;
    channel->has_publisher = true;
    channel_restart(channel);
    if (relay_frames(server, connection))
        return true;
    if (!channel->ended)
        abort_upload(server, connection);
    return false;
}
