/* The self-test of what `requests` and `audience` judge by: responses, and originals. */
#include "selftest.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "original.h"
#include "response.h"

enum { CHUNK_SIZE = 700, CHUNKS = 12, SEGMENT_MAX = CHUNKS * CHUNK_SIZE };

/* ---- responses ------------------------------------------------------------------------------ */

struct body {
    char bytes[64];
    size_t length;
};

static void take_body(void *context, const unsigned char *bytes, size_t length)
{
    struct body *body = context;
    if (length > sizeof body->bytes - body->length)
        fail_because("selftest", "body too long");
    memcpy(body->bytes + body->length, bytes, length);
    body->length += length;
}

/* Gives how much of the wire was left. */
static size_t feed(struct response *response, struct body *body, const char *wire, size_t step)
{
    size_t length = strlen(wire), at = 0;
    response_start(response);
    *body = (struct body){.length = 0};
    while (at < length && response->state < RESPONSE_COMPLETE) {
        size_t piece = length - at < step ? length - at : step;
        at += response_feed(response, (const unsigned char *)wire + at, piece, take_body, body);
    }
    return length - at;
}

static void check_response(const char *wire, enum response_state state, const char *wanted,
                           size_t left)
{
    for (size_t step = 1; step <= strlen(wire); step++) {
        struct response response;
        struct body body;
        size_t rest = feed(&response, &body, wire, step);
        expect(response.state == state, wire, "state");
        expect(body.length == strlen(wanted) && memcmp(body.bytes, wanted, body.length) == 0, wire,
               "body");
        expect(state != RESPONSE_COMPLETE || rest == left, wire, "what comes behind it");
    }
}

void check_responses(void)
{
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP", RESPONSE_COMPLETE,
                   "hello", 4);
    check_response("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", RESPONSE_COMPLETE, "", 0);
    check_response("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\nHTTP", RESPONSE_COMPLETE, "", 4);
    check_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                   "2;x=y\r\nde\r\n0\r\n\r\nHTTP",
                   RESPONSE_COMPLETE, "abcde", 4);
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", IN_BODY, "hel", 0);
    check_response("HTTP/1.1 200 OK\r\n\r\n", RESPONSE_MALFORMED, "", 0);
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", RESPONSE_MALFORMED, "", 0);
    check_response("HTTP/2 200 OK\r\nContent-Length: 5\r\n\r\n", RESPONSE_MALFORMED, "", 0);

    struct response response;
    struct body body;
    size_t length;
    feed(&response, &body, "HTTP/1.1 200 OK\r\nXTag: no\r\nETAG:  \"a b\"\r\nContent-Length: 0\r\n"
                           "Connection: close\r\n\r\n", 7);
    const char *etag = response_header(&response, "ETag", &length);
    expect(etag != NULL && length == 5 && memcmp(etag, "\"a b\"", 5) == 0, "header", "ETag");
    expect(response_header(&response, "Tag", &length) == NULL, "header", "whole names only");
    expect(response.closes, "header", "Connection: close");
}

/* ---- originals ------------------------------------------------------------------------------ */

static struct stream stream = {.hz = 30, .gop = CHUNKS, .chunk_size = CHUNK_SIZE};
static struct checks checks;
static const struct inspection INSPECTION = {.stream = &stream, .checks = &checks};

static size_t build(unsigned char *bytes, uint64_t first, uint64_t end)
{
    for (uint64_t number = first; number < end; number++) {
        struct stamp stamp = {.number = number, .sent_ns = 1000 + number};
        stream_write_chunk(&stream, &stamp, bytes + (number - first) * CHUNK_SIZE);
    }
    return (size_t)(end - first) * CHUNK_SIZE;
}

static struct original read_in_steps(const unsigned char *bytes, size_t length, size_t step)
{
    struct original original = {.is_segment = true, .ruler.timescale = 1};
    for (size_t at = 0; at < length; at += step)
        original_take(&original, &INSPECTION, at, bytes + at,
                      length - at < step ? length - at : step);
    original_end(&original, &INSPECTION, length);
    return original;
}

/* Reads a damaged segment in several kinds of pieces and gives what was counted in the last. */
static struct checks judge(const unsigned char *bytes, size_t length)
{
    static const size_t STEPS[] = {SEGMENT_MAX, 699, 64, 1};
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        struct checks before = checks;
        checks = (struct checks){0};
        struct original original = read_in_steps(bytes, length, STEPS[i]);
        original_free(&original);
        if (i > 0)
            expect(memcmp(&before, &checks, sizeof checks) == 0, "segment", "same in any split");
    }
    struct checks found = checks;
    checks = (struct checks){0};
    return found;
}

static void check_damage(void)
{
    static unsigned char bytes[SEGMENT_MAX];
    size_t whole = build(bytes, 0, CHUNKS);
    expect(judge(bytes, whole).chunks == CHUNKS, "right segment", "chunks");
    expect(judge(bytes, whole).damaged == 0, "right segment", "nothing wrong");
    expect(judge(bytes, whole - 1).damaged == 1, "segment without its last byte", "damaged");
    bytes[5 * CHUNK_SIZE + 400] ^= 1;
    expect(judge(bytes, whole).damaged == 1, "bit flipped in a sample", "damaged");
    build(bytes, 0, CHUNKS);
    memmove(bytes + 3 * CHUNK_SIZE, bytes + 5 * CHUNK_SIZE, whole - 5 * CHUNK_SIZE);
    expect(judge(bytes, whole - 2 * CHUNK_SIZE).lost == 2, "two chunks missing", "lost");
    build(bytes, 0, CHUNKS);
    memcpy(bytes + 6 * CHUNK_SIZE, bytes + 5 * CHUNK_SIZE, CHUNK_SIZE);
    expect(judge(bytes, 7 * CHUNK_SIZE).disorder == 1, "chunk twice", "disorder");
}

static void check_answers(void)
{
    static unsigned char bytes[SEGMENT_MAX], other[SEGMENT_MAX];
    size_t whole = build(bytes, 0, CHUNKS);
    memcpy(other, bytes, whole);
    other[1234] ^= 1;
    struct original original = {.is_segment = true, .ruler.timescale = 1};
    expect(original_take(&original, &INSPECTION, 0, bytes, 2000), "answers", "the first one");
    expect(original.chunk_count == 2 && original.chunks[1].made_ns == 1001, "answers", "chunks");
    expect(original_take(&original, &INSPECTION, 0, bytes, 3000), "answers", "goes further");
    expect(!original_take(&original, &INSPECTION, 0, other, 1300), "answers", "differs");
    expect(original_take(&original, &INSPECTION, 2000, bytes + 2000, whole - 2000), "answers",
           "the rest");
    original_end(&original, &INSPECTION, whole);
    original_end(&original, &INSPECTION, 3000);
    expect(!original_take(&original, &INSPECTION, whole, bytes, 1), "answers", "too long");
    expect(checks.corrupt == 2 && checks.cut_short == 1 && checks.damaged == 0, "answers", "checks");
    original_free(&original);
    checks = (struct checks){0};
}

static void check_seams(void)
{
    static unsigned char bytes[SEGMENT_MAX];
    struct original before = read_in_steps(bytes, build(bytes, 0, 4), 100);
    struct original after = read_in_steps(bytes, build(bytes, 4, 8), 100);
    struct original later = read_in_steps(bytes, build(bytes, 6, 8), 100);
    originals_join(&before, &after, &INSPECTION);
    expect(checks.lost == 0 && checks.disorder == 0, "seam", "nothing missing");
    originals_join(&before, &later, &INSPECTION);
    expect(checks.lost == 2, "seam", "two chunks missing");
    originals_join(&after, &before, &INSPECTION);
    expect(checks.disorder == 1, "seam", "older chunks");
    original_free(&before);
    original_free(&after);
    original_free(&later);
}

void check_originals(void)
{
    size_t size;
    const unsigned char *init = init_built_in(INIT_VIDEO, &size);
    stream_use_init(&stream, init, size, 0);
    stream_prepare(&stream);
    check_damage();
    check_answers();
    check_seams();
    free(stream.filler);
}
