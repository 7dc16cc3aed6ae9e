#include "relay.h"

#include <sys/socket.h>

#include "box.h"
#include "bytes.h"
#include "fail.h"

enum {
    FRAME_HEAD_MAX = 20,
    RESPONSE_HEAD_MAX = 1024,
    TRUN_FIRST_FLAGS = 0x004,
    TRUN_SAMPLE_FLAGS = 0x400,
    SAMPLE_IS_NON_SYNC = 0x00010000,
};

static const char RESPONSE_HEAD[] = "HTTP/1.1 200 OK\r\n"
                                    "Content-Type: video/mp4\r\n"
                                    "Cache-Control: no-store\r\n"
                                    "Access-Control-Allow-Origin: *\r\n"
                                    "Connection: close\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n";

/* ---- frames --------------------------------------------------------------------------------- */

struct frame *frame_make(const char *before, size_t before_length, const unsigned char *piece,
                         size_t length, bool last)
{
    char head[FRAME_HEAD_MAX] = "";
    int head_length = 0;
    if (length > 0 || last)
        head_length = snprintf(head, sizeof head, "%zx\r\n", length);
    size_t tail_length = head_length > 0 ? 2 : 0;
    size_t total = before_length + (size_t)head_length + length + tail_length;
    struct frame *frame = malloc(sizeof *frame + total);
    if (frame == NULL)
        fail_errno("allocate frame");
    frame->references = 1;
    frame->length = total;
    unsigned char *to = frame->bytes;
    memcpy(to, before, before_length);
    memcpy(to += before_length, head, (size_t)head_length);
    to += head_length;
    if (length > 0)
        memcpy(to, piece, length);
    memcpy(to + length, "\r\n", tail_length);
    return frame;
}

struct frame *frame_response(const char *status, const char *headers, const unsigned char *body,
                             size_t length)
{
    char head[RESPONSE_HEAD_MAX], told[48] = "";
    if (strncmp(status, "304", 3) != 0) /* RFC 9110 §8.6: that would be the length of a 200 */
        snprintf(told, sizeof told, "Content-Length: %zu\r\n", length);
    int head_length = snprintf(head, sizeof head,
                               "HTTP/1.1 %s\r\n%sAccess-Control-Allow-Origin: *\r\n%s\r\n",
                               status, headers, told);
    if (head_length < 0 || head_length >= RESPONSE_HEAD_MAX)
        fail_because(status, "too long a head");
    struct frame *frame = malloc(sizeof *frame + (size_t)head_length + length);
    if (frame == NULL)
        fail_errno("allocate response");
    frame->references = 1;
    frame->length = (size_t)head_length + length;
    memcpy(frame->bytes, head, (size_t)head_length);
    if (length > 0)
        memcpy(frame->bytes + head_length, body, length);
    return frame;
}

void frame_release(struct frame *frame)
{
    if (frame != NULL && --frame->references == 0)
        free(frame);
}

/* ---- what is in a piece --------------------------------------------------------------------- */

bool piece_starts_with_sync(const unsigned char *piece, size_t length)
{
    size_t size = length;
    const unsigned char *body = box_find(piece, size, FOURCC('m', 'o', 'o', 'f'), 0, &size);
    if (body != NULL)
        body = box_find(body, size, FOURCC('t', 'r', 'a', 'f'), 0, &size);
    if (body != NULL)
        body = box_find(body, size, FOURCC('t', 'r', 'u', 'n'), 0, &size);
    if (body == NULL || size < 8)
        return false;
    uint32_t present = read_u32(body);
    size_t at = 8 + (present & 0x001 ? 4u : 0u);
    if (!(present & TRUN_FIRST_FLAGS) && (present & TRUN_SAMPLE_FLAGS))
        at += (present & 0x100 ? 4u : 0u) + (present & 0x200 ? 4u : 0u);
    else if (!(present & TRUN_FIRST_FLAGS))
        return false;
    return size - 8 >= at - 8 + 4 && !(read_u32(body + at) & SAMPLE_IS_NON_SYNC);
}

static bool is_init_segment(const unsigned char *piece, size_t length)
{
    size_t size;
    return box_find(piece, length, FOURCC('m', 'o', 'o', 'v'), 0, &size) != NULL;
}

/* ---- channels ------------------------------------------------------------------------------- */

struct channel *channel_named(struct channel **channels, const char *name, size_t length)
{
    struct channel *channel = *channels;
    while (channel != NULL &&
           (strlen(channel->name) != length || memcmp(channel->name, name, length) != 0))
        channel = channel->next;
    if (channel != NULL)
        return channel;
    channel = must_allocate(1, sizeof *channel);
    memcpy(channel->name, name, length); /* the caller has seen to length < CHANNEL_NAME_MAX */
    channel->newest_sync = NO_SYNC;
    channel->welcome = frame_make(RESPONSE_HEAD, sizeof RESPONSE_HEAD - 1, NULL, 0, false);
    channel->next = *channels;
    *channels = channel;
    return channel;
}

static void set_welcome(struct channel *channel, const unsigned char *init, size_t length)
{
    frame_release(channel->welcome);
    channel->welcome = frame_make(RESPONSE_HEAD, sizeof RESPONSE_HEAD - 1, init, length, false);
}

void channel_restart(struct channel *channel)
{
    channel->ended = false;
    channel->newest_sync = NO_SYNC;
    set_welcome(channel, NULL, 0);
}

struct frame *channel_append(struct channel *channel, const unsigned char *piece, size_t length)
{
    struct frame **place = &channel->window[channel->head % WINDOW_FRAMES];
    frame_release(*place);
    *place = frame_make("", 0, piece, length, length == 0);
    if (length == 0)
        channel->ended = true;
    else if (is_init_segment(piece, length))
        set_welcome(channel, piece, length);
    else if (piece_starts_with_sync(piece, length))
        channel->newest_sync = channel->head;
    channel->head++;
    return *place;
}

void channel_join(struct channel *channel, struct player *player)
{
    if (channel->player_count == channel->player_capacity) {
        size_t capacity = channel->player_capacity > 0 ? channel->player_capacity * 2 : 64;
        struct player **players = realloc(channel->players, capacity * sizeof *players);
        if (players == NULL)
            fail_errno("allocate players");
        channel->players = players;
        channel->player_capacity = capacity;
    }
    player->index = channel->player_count;
    channel->players[channel->player_count++] = player;
    player->channel = channel;
    player->current = channel->welcome;
    player->current->references++;
    player->offset = 0;
    player->cursor = channel->newest_sync;
    if (channel->newest_sync == NO_SYNC || channel->head - channel->newest_sync > WINDOW_FRAMES)
        player->cursor = channel->head;
}

void channel_leave(struct player *player)
{
    struct channel *channel = player->channel;
    struct player *moved = channel->players[--channel->player_count];
    channel->players[player->index] = moved;
    moved->index = player->index;
    frame_release(player->current);
    player->current = NULL;
    player->channel = NULL;
}

/* Behind the window: on with the newest sync chunk, or the newest chunk at all. */
static void skip_forward(struct player *player)
{
    const struct channel *channel = player->channel;
    bool sync_in_window =
        channel->newest_sync != NO_SYNC && channel->head - channel->newest_sync <= WINDOW_FRAMES;
    player->cursor = sync_in_window ? channel->newest_sync : channel->head - 1;
}

enum pump_result player_pump(struct player *player)
{
    const struct channel *channel = player->channel;
    for (;;) {
        if (player->current == NULL) {
            if (player->cursor == channel->head)
                return channel->ended ? PUMP_ENDED : PUMP_IDLE;
            if (channel->head - player->cursor > WINDOW_FRAMES)
                skip_forward(player);
            player->current = channel->window[player->cursor++ % WINDOW_FRAMES];
            player->current->references++;
            player->offset = 0;
        }
        struct frame *frame = player->current;
        ssize_t sent = send(player->fd, frame->bytes + player->offset,
                            frame->length - player->offset, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? PUMP_BLOCKED : PUMP_BROKEN;
        player->offset += (size_t)sent;
        if (player->offset == frame->length) {
            frame_release(frame);
            player->current = NULL;
        }
    }
}
