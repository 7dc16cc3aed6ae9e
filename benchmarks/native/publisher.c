/* Publishers: one long chunked upload per channel, or per track of it; one write and one HTTP frame
 * per chunk. */
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "load.h"
#include "target.h"

enum {
    WAITING_CHUNKS_MAX = 256, /* a server that does not read for longer loses ticks */
    FRAME_OVERHEAD = 16,      /* hex size, CRLF, CRLF, and the last frame */
    CONNECT_SECONDS = 5,
};

static const char LAST_FRAME[] = "0\r\n\r\n";

static void watch(struct load *load, struct publisher *publisher, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = publisher};
    must(epoll_ctl(load->epoll_fd, operation, publisher->fd, &event), "watch publisher");
}

/* Writes what waits. The socket is asked first, epoll only when it is full. */
static void flush(struct load *load, struct publisher *publisher)
{
    while (publisher->waiting_from < publisher->waiting_to) {
        ssize_t sent = send(publisher->fd, publisher->waiting + publisher->waiting_from,
                            publisher->waiting_to - publisher->waiting_from,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(load, publisher, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
        if (sent < 0)
            fail_errno("publish");
        publisher->waiting_from += (size_t)sent;
    }
    publisher->waiting_from = publisher->waiting_to = 0;
}

static size_t append_frame_head(struct publisher *publisher, size_t size)
{
    char head[FRAME_OVERHEAD];
    int length = snprintf(head, sizeof head, "%zx\r\n", size);
    memcpy(publisher->waiting + publisher->waiting_to, head, (size_t)length);
    return publisher->waiting_to + (size_t)length;
}

static void append(struct publisher *publisher, const void *bytes, size_t length)
{
    memcpy(publisher->waiting + publisher->waiting_to, bytes, length);
    publisher->waiting_to += length;
}

/* Room is made by moving what waits to the front: only ever needed with a server that lags. */
static bool make_room(struct publisher *publisher, size_t length)
{
    if (publisher->waiting_capacity - publisher->waiting_to >= length)
        return true;
    size_t waiting = publisher->waiting_to - publisher->waiting_from;
    memmove(publisher->waiting, publisher->waiting + publisher->waiting_from, waiting);
    publisher->waiting_from = 0;
    publisher->waiting_to = waiting;
    return publisher->waiting_capacity - publisher->waiting_to >= length;
}

static int connect_publisher(const struct load *load)
{
    struct sockaddr_in address = target_address(load->options.port);
    struct timeval patience = {.tv_sec = CONNECT_SECONDS};
    int on = 1;
    int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "publisher socket");
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), "SO_SNDTIMEO");
    must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect publisher");
    return fd;
}

/* Connects, and sends the init segment: that of the first stream, which is that of all of them. */
static void open_publisher(struct load *load, struct publisher *publisher)
{
    const struct options *options = &load->options;
    const struct stream *stream = publisher->beats[0].stream;
    char request[REQUEST_MAX];

    publisher->kind = FROM_PUBLISHER;
    publisher->waiting_capacity = stream->init_size + REQUEST_MAX +
                                  WAITING_CHUNKS_MAX * (stream->chunk_size + FRAME_OVERHEAD);
    publisher->waiting = must_allocate(publisher->waiting_capacity, 1);
    publisher->fd = connect_publisher(load);
    watch(load, publisher, EPOLLIN, EPOLL_CTL_ADD);

    size_t length = target_request(request, "POST", options->ingest_path, publisher->channel,
                                   publisher->track, options->port,
                                   "Content-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n");
    append(publisher, request, length);
    publisher->waiting_to = append_frame_head(publisher, stream->init_size);
    append(publisher, stream->init, stream->init_size);
    append(publisher, "\r\n", 2);
    flush(load, publisher);
}

/* Gives an upload its tracks. */
static void assign_streams(struct load *load, struct publisher *publisher, uint32_t upload)
{
    enum upload_shape shape = load->options.upload;
    publisher->channel = upload / load->uploads_per_channel;
    publisher->track = "video";
    publisher->beats[publisher->beat_count++].stream = &load->stream;
    if (shape == UPLOAD_MUXED)
        publisher->beats[publisher->beat_count++].stream = &load->audio;
    if (shape == UPLOAD_TRACKS && upload % load->uploads_per_channel > 0) {
        publisher->track = "audio";
        publisher->beats[0].stream = &load->audio;
    }
}

void publishers_open(struct load *load)
{
    load->uploads_per_channel = load->options.upload == UPLOAD_TRACKS ? TRACKS_MAX : 1;
    load->publisher_count =
        load->options.publish ? load->options.channels * load->uploads_per_channel : 0;
    if (load->publisher_count == 0)
        return;
    load->publishers = must_allocate(load->publisher_count, sizeof *load->publishers);
    for (uint32_t i = 0; i < load->publisher_count; i++) {
        assign_streams(load, &load->publishers[i], i);
        open_publisher(load, &load->publishers[i]);
    }
    double period_ns = 1e9 / load->options.hz; /* the channels' chunks are spread over the period */
    uint64_t start = monotonic_ns() + (uint64_t)period_ns;
    for (uint32_t i = 0; i < load->publisher_count; i++) {
        struct publisher *publisher = &load->publishers[i];
        for (uint32_t beat = 0; beat < publisher->beat_count; beat++)
            publisher->beats[beat].first_due_ns =
                start + (uint64_t)(period_ns * publisher->channel / load->options.channels);
    }
}

static uint64_t beat_due_ns(const struct beat *beat)
{
    return beat->first_due_ns + (uint64_t)((double)beat->ticks * 1e9 / beat->stream->hz);
}

/* Of its tracks, the one whose turn it is. */
static struct beat *next_beat(struct publisher *publisher)
{
    struct beat *next = &publisher->beats[0];
    for (uint32_t i = 1; i < publisher->beat_count; i++)
        if (beat_due_ns(&publisher->beats[i]) < beat_due_ns(next))
            next = &publisher->beats[i];
    return next;
}

uint64_t publishers_due_ns(const struct load *load)
{
    uint64_t due = NEVER;
    for (uint32_t i = 0; i < load->publisher_count; i++) {
        struct publisher *publisher = &load->publishers[i];
        uint64_t own = publisher->finished ? NEVER : beat_due_ns(next_beat(publisher));
        if (own < due)
            due = own;
    }
    return due;
}

static void publish_chunk(struct load *load, struct publisher *publisher, struct beat *beat,
                          bool final)
{
    size_t chunk_size = beat->stream->chunk_size;
    struct stamp stamp = {.number = beat->number, .channel = publisher->channel};
    stamp.flags = (stream_is_sync(beat->stream, stamp.number) ? STAMP_SYNC : 0u) |
                  (final ? STAMP_FINAL : 0u);
    if (!make_room(publisher, chunk_size + FRAME_OVERHEAD + sizeof LAST_FRAME)) {
        publisher->overruns++;
        if (final) {
            publisher->finished = true; /* no room for an end either: the drain will time out */
            load->unsent_final++;
        }
        return;
    }
    publisher->waiting_to = append_frame_head(publisher, chunk_size);
    unsigned char *chunk = publisher->waiting + publisher->waiting_to;
    stream_write_chunk(beat->stream, &stamp, chunk);
    chunk_set_sequence(chunk, ++publisher->sequence);
    publisher->waiting_to += chunk_size;
    append(publisher, "\r\n", 2);
    if (final) {
        append(publisher, LAST_FRAME, sizeof LAST_FRAME - 1);
        publisher->finished = true;
    }
    load->now_ns = monotonic_ns(); /* the clock is read last, just before the send */
    chunk_set_sent(chunk, load->now_ns);
    if (load->now_ns >= load->window_start_ns && load->now_ns < load->window_end_ns)
        publisher->in_window++;
    beat->number++;
    flush(load, publisher);
}

void publish_due(struct load *load)
{
    for (uint32_t i = 0; i < load->publisher_count; i++) {
        struct publisher *publisher = &load->publishers[i];
        struct beat *beat = next_beat(publisher);
        uint64_t due = beat_due_ns(beat);
        if (publisher->finished || due > load->now_ns)
            continue;
        if (due >= load->window_start_ns && due < load->window_end_ns)
            histogram_add(&load->publish_late, load->now_ns - due);
        beat->ticks++;
        publish_chunk(load, publisher, beat, load->phase == DRAINING);
    }
}

static void read_answer(struct load *load, struct publisher *publisher)
{
    char answer[1024];
    ssize_t length = recv(publisher->fd, answer, sizeof answer - 1, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length > 0 && publisher->status == 0) {
        answer[length] = '\0';
        unsigned status;
        if (sscanf(answer, "HTTP/1.1 %3u", &status) == 1 && status != 100)
            publisher->status = status;
    }
    if (publisher->status >= 400 || (length <= 0 && !publisher->finished)) {
        fprintf(stderr, "error: the server ended the upload of channel %u after %" PRIu32
                " chunks, status %u\n", publisher->channel, publisher->sequence, publisher->status);
        exit(1);
    }
    if (length <= 0 || (publisher->finished && publisher->status > 0)) {
        publisher->answered = true;
        must(epoll_ctl(load->epoll_fd, EPOLL_CTL_DEL, publisher->fd, NULL), "unwatch publisher");
        must(close(publisher->fd), "close publisher");
        publisher->fd = -1;
    }
}

void publisher_ready(struct load *load, struct publisher *publisher, uint32_t events)
{
    if (events & EPOLLOUT) {
        watch(load, publisher, EPOLLIN, EPOLL_CTL_MOD); /* flush asks for EPOLLOUT again at need */
        flush(load, publisher);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_answer(load, publisher);
}

bool publishers_settled(const struct load *load)
{
    for (uint32_t i = 0; i < load->publisher_count; i++)
        if (!load->publishers[i].answered)
            return false;
    return true;
}
