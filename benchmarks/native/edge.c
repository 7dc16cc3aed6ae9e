#include "edge.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "box.h"
#include "bytes.h"
#include "clock.h"
#include "fail.h"
#include "faults.h"

enum { PIECES_AT_ONCE = 64 };

static const char SEGMENT_HEAD[] = "HTTP/1.1 200 OK\r\n"
                                   "Content-Type: video/mp4\r\n"
                                   "Cache-Control: public, max-age=3600, immutable\r\n"
                                   "Access-Control-Allow-Origin: *\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n";
static const char LAST_FRAME[] = "0\r\n\r\n";

/* ---- segments ------------------------------------------------------------------------------- */

static void segment_release(struct segment *segment)
{
    if (segment == NULL || --segment->references > 0)
        return;
    for (uint32_t i = 0; i < segment->count; i++)
        frame_release(segment->frames[i]);
    free(segment->frames);
    free(segment);
}

static struct segment *open_segment(struct track *track, uint64_t number)
{
    struct segment *segment = must_allocate(1, sizeof *segment);
    struct segment **place = &track->kept[number % SEGMENTS_KEPT];
    if (track->newest != NULL)
        track->newest->complete = true;
    segment->number = number;
    segment->references = 1;
    segment_release(*place);
    return *place = track->newest = segment;
}

static void add_frame(struct segment *segment, struct frame *frame)
{
    if (segment->count == segment->capacity) {
        segment->capacity = segment->capacity > 0 ? 2 * segment->capacity : 64;
        segment->frames =
            realloc(segment->frames, segment->capacity * sizeof *segment->frames);
        if (segment->frames == NULL)
            fail_errno("allocate frames");
    }
    frame->references++;
    segment->frames[segment->count++] = frame;
}

/* ---- tracks --------------------------------------------------------------------------------- */

struct track *track_named(struct track **tracks, const char *name, size_t length)
{
    struct track *track = *tracks;
    while (track != NULL &&
           (strlen(track->name) != length || memcmp(track->name, name, length) != 0))
        track = track->next;
    if (track != NULL)
        return track;
    track = must_allocate(1, sizeof *track);
    memcpy(track->name, name, length); /* the caller has seen to length < CHANNEL_NAME_MAX */
    track->next = *tracks;
    return *tracks = track;
}

/* The first track of an init segment: the floor does not take muxed uploads apart. */
static bool take_init(struct track *track, const unsigned char *piece, size_t length)
{
    size_t size, trak_size;
    const unsigned char *body = box_find(piece, length, FOURCC('m', 'o', 'o', 'v'), 0, &size);
    const unsigned char *trak =
        body == NULL ? NULL : box_find(body, size, FOURCC('t', 'r', 'a', 'k'), 0, &trak_size);
    if (trak == NULL)
        return false;
    const unsigned char *tkhd =
        box_find(trak, trak_size, FOURCC('t', 'k', 'h', 'd'), 0, &size);
    body = box_find(trak, trak_size, FOURCC('m', 'd', 'i', 'a'), 0, &size);
    const unsigned char *mdhd =
        body == NULL ? NULL : box_find(body, size, FOURCC('m', 'd', 'h', 'd'), 0, &size);
    if (tkhd == NULL || mdhd == NULL || size < 24)
        return false;
    track->id = read_u32(tkhd + (tkhd[0] == 1 ? 20 : 12));
    track->timescale = read_u32(mdhd + (mdhd[0] == 1 ? 20 : 12));
    frame_release(track->init);
    track->init = frame_response("200 OK", "Content-Type: video/mp4\r\n", piece, length);
    return true;
}

/* Decode time and duration of a chunk, as this benchmark writes it: fmp4.c. */
static bool read_times(const struct track *track, const unsigned char *piece, size_t length,
                       uint64_t *time, uint32_t *duration)
{
    size_t size;
    const unsigned char *moof = box_find(piece, length, FOURCC('m', 'o', 'o', 'f'), 0, &size);
    const unsigned char *traf =
        moof == NULL ? NULL : box_find(moof, size, FOURCC('t', 'r', 'a', 'f'), 0, &size);
    if (traf == NULL)
        return false;
    size_t tfhd_size, tfdt_size, trun_size;
    const unsigned char *tfhd = box_find(traf, size, FOURCC('t', 'f', 'h', 'd'), 0, &tfhd_size);
    const unsigned char *tfdt = box_find(traf, size, FOURCC('t', 'f', 'd', 't'), 0, &tfdt_size);
    const unsigned char *trun = box_find(traf, size, FOURCC('t', 'r', 'u', 'n'), 0, &trun_size);
    if (tfhd == NULL || tfdt == NULL || trun == NULL || tfdt_size < 12 || trun_size < 16 ||
        read_u32(tfhd + 4) != track->id)
        return false;
    *time = read_u64(tfdt + 4);
    *duration = read_u32(trun + 12);
    return true;
}

static void start(struct track *track, uint64_t time, uint32_t duration)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail: the clock id is valid, so is the pointer */
    track->started = true;
    track->first_time = time;
    track->chunk_seconds = (double)duration / track->timescale;
    track->start_utc_ns = (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec -
                          seconds_to_ns(track->chunk_seconds);
}

void track_append(struct track *track, const unsigned char *piece, size_t length,
                  struct frame *frame)
{
    uint64_t time;
    uint32_t duration;
    if (take_init(track, piece, length)) {
        track->started = false; /* numbers begin anew: the floor has no restarts */
        track->newest = NULL;
        return;
    }
    if (track->timescale == 0 || !read_times(track, piece, length, &time, &duration))
        return;
    bool sync = piece_starts_with_sync(piece, length);
    if (!track->started && sync)
        start(track, time, duration);
    if (!track->started)
        return;
    uint64_t number = 1 + (time - track->first_time) / (SEGMENT_SECONDS * track->timescale);
    if (sync && (track->newest == NULL || number > track->newest->number))
        open_segment(track, number);
    add_frame(track->newest, frame);
}

void track_end(struct track *track)
{
    if (track->newest != NULL)
        track->newest->complete = true;
}

/* ---- readers -------------------------------------------------------------------------------- */

void reader_send(struct reader *reader, struct frame *plain)
{
    plain->references++;
    reader->plain = plain;
    reader->piece = 0;
    reader->offset = 0;
    reader->spoilt = faults_next_answer();
}

static void enter(struct reader *reader, struct track *track)
{
    if (track->reader_count == track->reader_capacity) {
        track->reader_capacity = track->reader_capacity > 0 ? 2 * track->reader_capacity : 64;
        track->readers =
            realloc(track->readers, track->reader_capacity * sizeof *track->readers);
        if (track->readers == NULL)
            fail_errno("allocate readers");
    }
    reader->track = track;
    reader->index = track->reader_count;
    track->readers[track->reader_count++] = reader;
}

/* What it waits for may have come. */
static void attach(struct reader *reader)
{
    struct segment *segment = reader->track->kept[reader->wanted % SEGMENTS_KEPT];
    if (segment == NULL || segment->number != reader->wanted || segment->count == 0)
        return;
    segment->references++;
    reader->segment = segment;
}

bool reader_follow(struct reader *reader, struct track *track, uint64_t number)
{
    uint64_t next = track->newest != NULL ? track->newest->number + 1 : 1;
    if (number > next || number + SEGMENTS_KEPT <= next)
        return false;
    reader->plain = NULL;
    reader->wanted = number;
    reader->piece = 0;
    reader->offset = 0;
    reader->spoilt = faults_next_answer();
    enter(reader, track);
    attach(reader);
    return true;
}

void reader_leave(struct reader *reader)
{
    struct track *track = reader->track;
    if (track != NULL) {
        struct reader *moved = track->readers[--track->reader_count];
        track->readers[reader->index] = moved;
        moved->index = reader->index;
    }
    segment_release(reader->segment);
    frame_release(reader->plain);
    reader->track = NULL;
    reader->segment = NULL;
    reader->plain = NULL;
}

/* Piece number `piece` of the answer; false: there is none, or not yet. */
static bool piece_of(const struct reader *reader, uint32_t piece, struct iovec *found)
{
    const struct segment *segment = reader->segment;
    if (reader->plain != NULL) {
        *found = (struct iovec){reader->plain->bytes, reader->plain->length};
        return piece == 0;
    }
    if (piece == 0) {
        *found = (struct iovec){(void *)(uintptr_t)SEGMENT_HEAD, sizeof SEGMENT_HEAD - 1};
        return true;
    }
    if (piece <= segment->count) {
        struct frame *frame = segment->frames[piece - 1];
        *found = (struct iovec){frame->bytes, frame->length};
        return true;
    }
    *found = (struct iovec){(void *)(uintptr_t)LAST_FRAME, sizeof LAST_FRAME - 1};
    return segment->complete && piece == segment->count + 1;
}

static bool is_over(const struct reader *reader)
{
    if (reader->plain != NULL)
        return reader->piece > 0;
    return reader->segment->complete && reader->piece > reader->segment->count + 1;
}

static void advance(struct reader *reader, const struct iovec *pieces, size_t sent)
{
    for (; sent > 0 && sent >= pieces->iov_len; pieces++) {
        sent -= pieces->iov_len;
        reader->piece++;
        reader->offset = 0;
    }
    reader->offset += sent;
}

enum pump_result reader_pump(struct reader *reader)
{
    if (reader->plain == NULL && reader->segment == NULL)
        attach(reader);
    if (reader->plain == NULL && reader->segment == NULL)
        return PUMP_IDLE;
    for (;;) {
        struct iovec pieces[PIECES_AT_ONCE];
        struct msghdr message = {.msg_iov = pieces};
        int count = 0;
        while (count < PIECES_AT_ONCE &&
               piece_of(reader, reader->piece + (uint32_t)count, &pieces[count]))
            count++;
        if (count == 0)
            return is_over(reader) ? PUMP_ENDED : PUMP_IDLE;
        pieces[0].iov_base = (char *)pieces[0].iov_base + reader->offset;
        pieces[0].iov_len -= reader->offset;
        count = faults_spoil(reader->spoilt, reader->piece, pieces, count);
        if (count == 0)
            return PUMP_BROKEN;
        message.msg_iovlen = (size_t)count;
        ssize_t sent = count == 1 ? send(reader->fd, pieces[0].iov_base, pieces[0].iov_len,
                                         MSG_NOSIGNAL | MSG_DONTWAIT)
                                  : sendmsg(reader->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? PUMP_BLOCKED : PUMP_BROKEN;
        advance(reader, pieces, (size_t)sent);
    }
}
