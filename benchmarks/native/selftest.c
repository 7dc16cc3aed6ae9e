/* Proves, without sockets, that the receiver counts right: a right stream in every kind of split,
 * and streams with one fault each; then the same of segments. Exit status 0: all is as it must be. */
#include "selftest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "histogram.h"
#include "receiver.h"

enum { CHUNKS = 40, GOP = 10, CHUNK_SIZE = 700, CHANNEL = 3, WIRE_MAX = 1 << 16, FAULT_AT = 17 };

enum fault { NONE, DROP, DROP_TO_SYNC, TWICE, SWAP, FLIP_PAYLOAD, FLIP_MOOF, FLIP_STAMP, CUT, WRONG_CHANNEL };

struct wire {
    unsigned char bytes[WIRE_MAX];
    size_t length;
};

struct expectation {
    const char *name;
    enum fault fault;
    struct tally tally;
};

static const struct expectation EXPECTATIONS[] = {
    {"right stream", NONE, {.received = CHUNKS}},
    {"chunk dropped", DROP, {.received = CHUNKS - 1, .lost = 1}},
    {"dropped up to a sync chunk", DROP_TO_SYNC, {.received = CHUNKS - 3, .skipped = 3}},
    {"chunk twice", TWICE, {.received = CHUNKS, .duplicated = 1}},
    {"chunks swapped", SWAP, {.received = CHUNKS - 1, .lost = 1, .reordered = 1}},
    {"bit flipped in payload", FLIP_PAYLOAD, {.received = CHUNKS - 1, .lost = 1, .corrupt = 1}},
    {"bit flipped in moof", FLIP_MOOF, {.received = CHUNKS, .altered = 1}},
    {"bit flipped in stamp", FLIP_STAMP, {.received = CHUNKS - 1, .lost = 1, .corrupt = 1}},
    {"second half of a chunk missing", CUT, {.received = CHUNKS - 1, .lost = 1, .corrupt = 1}},
    {"chunk of another channel", WRONG_CHANNEL, {.received = CHUNKS - 1, .lost = 1, .corrupt = 1}},
};

static unsigned failures;

void expect(bool condition, const char *name, const char *what)
{
    if (condition)
        return;
    failures++;
    fprintf(stderr, "FAILED: %s: %s\n", name, what);
}

static void append(struct wire *wire, const void *bytes, size_t length)
{
    if (length > WIRE_MAX - wire->length)
        fail_because("selftest", "wire buffer too small");
    memcpy(wire->bytes + wire->length, bytes, length);
    wire->length += length;
}

static void append_frame(struct wire *wire, const void *bytes, size_t length, bool extension)
{
    char line[48];
    int size = snprintf(line, sizeof line, "%zX%s\r\n", length, extension ? ";name=value" : "");
    append(wire, line, (size_t)size);
    append(wire, bytes, length);
    append(wire, "\r\n", 2);
}

static void append_chunk(struct wire *wire, const struct stream *stream, uint64_t number,
                         enum fault fault)
{
    unsigned char chunk[CHUNK_SIZE];
    struct stamp stamp = {.sent_ns = number, .number = number, .channel = CHANNEL};
    stamp.flags = stream_is_sync(stream, number) ? STAMP_SYNC : 0;
    if (number == CHUNKS - 1)
        stamp.flags |= STAMP_FINAL;
    if (fault == WRONG_CHANNEL && number == FAULT_AT)
        stamp.channel++;
    stream_write_chunk(stream, &stamp, chunk);
    if (fault == FLIP_PAYLOAD && number == FAULT_AT)
        chunk[CHUNK_SIZE - 1] ^= 1;
    if (fault == FLIP_MOOF && number == FAULT_AT)
        chunk[70] ^= 1;
    if (fault == FLIP_STAMP && number == FAULT_AT)
        chunk[MOOF_SIZE + BOX_HEADER_SIZE + 9] ^= 1;
    size_t length = fault == CUT && number == FAULT_AT ? CHUNK_SIZE / 2 : CHUNK_SIZE;
    append_frame(wire, chunk, length, number % 7 == 3);
}

static void build_wire(struct wire *wire, const struct stream *stream, enum fault fault)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
                               "transfer-encoding: chunked\r\n\r\n";
    wire->length = 0;
    append(wire, HEAD, sizeof HEAD - 1);
    append_frame(wire, stream->init, stream->init_size, false);
    for (uint64_t number = 0; number < CHUNKS; number++) {
        bool left_out = (fault == DROP && number == FAULT_AT) ||
                        (fault == DROP_TO_SYNC && number >= FAULT_AT && number < 20);
        if (left_out)
            continue;
        if (fault == SWAP && (number == FAULT_AT || number == FAULT_AT + 1))
            append_chunk(wire, stream, number == FAULT_AT ? FAULT_AT + 1 : FAULT_AT, fault);
        else
            append_chunk(wire, stream, number, fault);
        if (fault == TWICE && number == FAULT_AT)
            append_chunk(wire, stream, number, fault);
    }
    append(wire, "0\r\nX-Trailer: yes\r\n\r\n", 21);
    append(wire, "bytes behind the end", 20);
}

static void ignore_chunk(void *context, struct receiver *receiver, const struct stamp *stamp)
{
    (void)context;
    (void)receiver;
    (void)stamp;
}

/* step 0: pieces of changing length. */
static void check_case(const struct expectation *expectation, struct stream *stream,
                       const struct wire *wire, size_t step)
{
    struct tally tally = {0};
    struct reception reception = {.stream = stream, .tally = &tally, .on_chunk = ignore_chunk};
    static struct receiver receiver;
    receiver_start(&receiver, CHANNEL);
    unsigned random = 12345;
    for (size_t at = 0; at < wire->length;) {
        random = random * 1103515245u + 12345u;
        size_t piece = step > 0 ? step : 1 + (random >> 16) % 997;
        if (piece > wire->length - at)
            piece = wire->length - at;
        receiver_feed(&receiver, &reception, wire->bytes + at, piece);
        at += piece;
    }
    const struct tally *wanted = &expectation->tally;
    expect(receiver.response.state == RESPONSE_COMPLETE, expectation->name, "body complete");
    expect(receiver.saw_init, expectation->name, "init segment seen");
    expect(receiver.saw_final, expectation->name, "last chunk seen");
    expect(tally.received == wanted->received, expectation->name, "received");
    expect(tally.lost == wanted->lost, expectation->name, "lost");
    expect(tally.skipped == wanted->skipped, expectation->name, "skipped");
    expect(tally.corrupt == wanted->corrupt, expectation->name, "corrupt");
    expect(tally.duplicated == wanted->duplicated, expectation->name, "duplicated");
    expect(tally.reordered == wanted->reordered, expectation->name, "reordered");
    expect(tally.altered == wanted->altered, expectation->name, "altered");
}

static void check_head(const char *head, enum response_state wanted)
{
    struct tally tally = {0};
    struct reception reception = {.tally = &tally, .on_chunk = ignore_chunk};
    static struct receiver receiver;
    receiver_start(&receiver, 0);
    receiver_feed(&receiver, &reception, (const unsigned char *)head, strlen(head));
    expect(receiver.response.state == wanted, head, "state after this");
}

static void check_heads(void)
{
    static const char CHUNKED[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char wire[128];
    check_head("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", RESPONSE_REFUSED);
    check_head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", RESPONSE_MALFORMED);
    check_head("HTTP/1.0 200 OK\r\n\r\n", RESPONSE_MALFORMED);
    check_head("SSH-2.0\r\n\r\n", RESPONSE_MALFORMED);
    check_head(CHUNKED, IN_FRAME_SIZE);
    static const char *const BAD_FRAMES[] = {"zz\r\n", "\r\n", "123456789\r\n"};
    for (size_t i = 0; i < sizeof BAD_FRAMES / sizeof BAD_FRAMES[0]; i++) {
        snprintf(wire, sizeof wire, "%s%s", CHUNKED, BAD_FRAMES[i]);
        check_head(wire, RESPONSE_MALFORMED);
    }
}

static void check_histogram(void)
{
    static struct histogram histogram, other;
    for (uint64_t value = 1; value <= 100000; value++)
        histogram_add(value % 2 ? &histogram : &other, value * 1000);
    histogram_merge(&histogram, &other);
    static const double SHARES[] = {0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof SHARES / sizeof SHARES[0]; i++) {
        double exact = SHARES[i] * 1e8;
        double found = (double)histogram_percentile(&histogram, SHARES[i]);
        expect(found >= exact && found <= exact * 1.008, "histogram", "percentile within 0.8 %");
    }
    expect(histogram.max == 100000000 && histogram.count == 100000, "histogram", "max and count");
    histogram_add(&histogram, UINT64_MAX);
    expect(histogram_percentile(&histogram, 1.0) > 100000000, "histogram", "values out of range");
}

static void check_init(enum init_kind kind, unsigned index, uint32_t track_id, uint32_t timescale)
{
    struct stream stream = {0};
    size_t size;
    const unsigned char *init = init_built_in(kind, &size);
    expect(stream_use_init(&stream, init, size, index), "init segment", "can be read");
    expect(stream.track_id == track_id, "init segment", "track");
    expect(stream.timescale == timescale, "init segment", "timescale");
    expect(!stream_use_init(&stream, init, size, 2), "init segment", "no third track");
}

static void check_init_segments(void)
{
    check_init(INIT_VIDEO, 0, 1, 90000);
    check_init(INIT_AUDIO, 0, 1, 48000);
    check_init(INIT_MUXED, 0, 1, 90000);
    check_init(INIT_MUXED, 1, 2, 48000);
}

int main(void)
{
    static const size_t STEPS[] = {WIRE_MAX, 1, 2, 3, 7, 64, 701, 0};
    struct stream stream = {.hz = 30, .gop = GOP, .chunk_size = CHUNK_SIZE};
    static struct wire wire;
    check_init_segments();
    size_t init_size;
    const unsigned char *init = init_built_in(INIT_VIDEO, &init_size);
    stream_use_init(&stream, init, init_size, 0);
    stream_prepare(&stream);
    size_t cases = sizeof EXPECTATIONS / sizeof EXPECTATIONS[0];
    for (size_t i = 0; i < cases; i++) {
        build_wire(&wire, &stream, EXPECTATIONS[i].fault);
        for (size_t step = 0; step < sizeof STEPS / sizeof STEPS[0]; step++)
            check_case(&EXPECTATIONS[i], &stream, &wire, STEPS[step]);
    }
    check_heads();
    check_histogram();
    check_responses();
    check_originals();
    free(stream.filler);
    if (failures == 0)
        printf("selftest: %zu streams in %zu kinds of splits, heads, histogram, segments: all right\n", cases,
               sizeof STEPS / sizeof STEPS[0]);
    return failures == 0 ? 0 : 1;
}
