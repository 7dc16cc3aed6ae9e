#include "receiver.h"

#include <stddef.h>
#include <string.h>

#include "bytes.h"

enum { RESYNC_WINDOW = 8 };

void receiver_start(struct receiver *receiver, uint32_t channel)
{
    memset(receiver, 0, offsetof(struct receiver, response));
    response_start(&receiver->response);
    receiver->channel = channel;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static void count_chunk(struct receiver *receiver, const struct reception *reception)
{
    struct tally *tally = reception->tally;
    const struct stamp *stamp = &receiver->stamp;

    if (receiver->started && stamp->number < receiver->next_number) {
        if (stamp->number + 1 == receiver->next_number)
            tally->duplicated++;
        else
            tally->reordered++;
        return;
    }
    if (receiver->started) {
        uint64_t gap = stamp->number - receiver->next_number;
        if (stamp->flags & STAMP_SYNC)
            tally->skipped += gap;
        else
            tally->lost += gap;
    }
    receiver->started = true;
    receiver->next_number = stamp->number + 1;
    if (stamp->flags & STAMP_FINAL)
        receiver->saw_final = true;
    tally->received++;
    reception->on_chunk(reception->context, receiver, stamp);
}

/* ---- boxes ---------------------------------------------------------------------------------- */

static void fall_out_of_step(struct receiver *receiver, struct tally *tally)
{
    tally->corrupt++;
    receiver->box_state = OUT_OF_STEP;
    receiver->held_length = 0;
    receiver->has_moof = false;
    receiver->foreign_moof = false;
}

/* Gathers up to `wanted` bytes in `to`; gives how many it took. */
static size_t gather(struct receiver *receiver, unsigned char *to, size_t wanted,
                     const unsigned char *bytes, size_t length)
{
    size_t take = wanted - receiver->held_length;
    if (take > length)
        take = length;
    memcpy(to + receiver->held_length, bytes, take);
    receiver->held_length = (uint16_t)(receiver->held_length + take);
    return take;
}

static void enter_box(struct receiver *receiver, const struct reception *reception)
{
    uint32_t size = read_u32(receiver->held);
    uint32_t type = read_u32(receiver->held + 4);
    bool expected = size >= BOX_HEADER_SIZE && size <= FOREIGN_BOX_MAX;

    receiver->box_left = size - BOX_HEADER_SIZE;
    switch (type) {
    case FOURCC('m', 'o', 'o', 'f'):
        receiver->foreign_moof = size != MOOF_SIZE;
        receiver->has_moof = !receiver->foreign_moof;
        receiver->box_state = receiver->foreign_moof ? IN_FOREIGN_BOX : IN_MOOF;
        if (receiver->has_moof) /* held_length stays: the header belongs to the moof */
            memcpy(receiver->moof, receiver->held, BOX_HEADER_SIZE);
        break;
    case FOURCC('m', 'd', 'a', 't'):
        expected = size == reception->stream->chunk_size - MOOF_SIZE &&
                   (receiver->has_moof || receiver->foreign_moof);
        receiver->box_state = IN_STAMP;
        break;
    case FOURCC('m', 'o', 'o', 'v'):
        receiver->saw_init = true;
        receiver->box_state = IN_FOREIGN_BOX;
        break;
    case FOURCC('f', 't', 'y', 'p'):
    case FOURCC('s', 't', 'y', 'p'):
    case FOURCC('p', 'r', 'f', 't'):
    case FOURCC('e', 'm', 's', 'g'):
    case FOURCC('s', 'i', 'd', 'x'):
    case FOURCC('f', 'r', 'e', 'e'):
        receiver->box_state = IN_FOREIGN_BOX;
        break;
    default:
        expected = false;
    }
    if (receiver->box_state != IN_MOOF)
        receiver->held_length = 0;
    if (!expected)
        fall_out_of_step(receiver, reception->tally);
}

static bool stamp_fits(struct receiver *receiver, const struct reception *reception)
{
    const struct stamp *stamp = &receiver->stamp;
    struct stream *stream = reception->stream;
    if (!stamp_read(receiver->held, receiver->box_left, &receiver->stamp) ||
        stamp->channel != receiver->channel ||
        (stamp->flags & STAMP_SYNC) != (stream_is_sync(stream, stamp->number) ? STAMP_SYNC : 0u))
        return false;
    if (receiver->foreign_moof ||
        memcmp(receiver->moof, stream_moof(stream, stamp->number), MOOF_SIZE) != 0)
        reception->tally->altered++;
    return true;
}

static size_t take_box_header(struct receiver *receiver, const struct reception *reception,
                              const unsigned char *bytes, size_t length)
{
    size_t taken = gather(receiver, receiver->held, BOX_HEADER_SIZE, bytes, length);
    if (receiver->held_length == BOX_HEADER_SIZE)
        enter_box(receiver, reception);
    return taken;
}

static size_t take_moof(struct receiver *receiver, const unsigned char *bytes, size_t length)
{
    size_t taken = gather(receiver, receiver->moof, MOOF_SIZE, bytes, length);
    if (receiver->held_length == MOOF_SIZE) {
        receiver->held_length = 0;
        receiver->box_state = IN_BOX_HEADER;
    }
    return taken;
}

static size_t take_stamp(struct receiver *receiver, const struct reception *reception,
                         const unsigned char *bytes, size_t length)
{
    size_t taken = gather(receiver, receiver->held, STAMP_SIZE, bytes, length);
    if (receiver->held_length < STAMP_SIZE)
        return taken;
    if (!stamp_fits(receiver, reception)) {
        fall_out_of_step(receiver, reception->tally);
        return taken;
    }
    receiver->held_length = 0;
    receiver->box_left -= STAMP_SIZE;
    receiver->filler_at = 0;
    receiver->box_state = IN_FILLER;
    return taken;
}

static size_t take_filler(struct receiver *receiver, const struct reception *reception,
                          const unsigned char *bytes, size_t length)
{
    const unsigned char *filler = stream_filler(reception->stream, receiver->stamp.number);
    size_t take = receiver->box_left < length ? receiver->box_left : length;
    if (memcmp(bytes, filler + receiver->filler_at, take) != 0) {
        fall_out_of_step(receiver, reception->tally);
        return 0; /* the next moof may be among these bytes */
    }
    receiver->filler_at += take;
    receiver->box_left -= take;
    if (receiver->box_left == 0) {
        receiver->box_state = IN_BOX_HEADER;
        receiver->has_moof = false;
        receiver->foreign_moof = false;
        count_chunk(receiver, reception);
    }
    return take;
}

static size_t take_foreign(struct receiver *receiver, size_t length)
{
    size_t take = receiver->box_left < length ? receiver->box_left : length;
    receiver->box_left -= take;
    if (receiver->box_left == 0)
        receiver->box_state = IN_BOX_HEADER;
    return take;
}

/* Looks for the next moof of ours, byte by byte: only ever walked after damage. */
static size_t find_step(struct receiver *receiver, const unsigned char *bytes, size_t length)
{
    unsigned char *window = receiver->held;
    for (size_t i = 0; i < length; i++) {
        if (receiver->held_length == RESYNC_WINDOW)
            memmove(window, window + 1, RESYNC_WINDOW - 1);
        else
            receiver->held_length++;
        window[receiver->held_length - 1] = bytes[i];
        if (receiver->held_length == RESYNC_WINDOW && read_u32(window) == MOOF_SIZE &&
            read_u32(window + 4) == FOURCC('m', 'o', 'o', 'f')) {
            memcpy(receiver->moof, window, BOX_HEADER_SIZE);
            receiver->has_moof = true;
            receiver->box_state = IN_MOOF; /* held_length is BOX_HEADER_SIZE, as IN_MOOF wants it */
            return i + 1;
        }
    }
    return length;
}

static void take_media(struct receiver *receiver, const struct reception *reception,
                       const unsigned char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length) {
        const unsigned char *from = bytes + at;
        size_t left = length - at;
        switch (receiver->box_state) {
        case IN_BOX_HEADER:
            at += take_box_header(receiver, reception, from, left);
            break;
        case IN_MOOF:
            at += take_moof(receiver, from, left);
            break;
        case IN_STAMP:
            at += take_stamp(receiver, reception, from, left);
            break;
        case IN_FILLER:
            at += take_filler(receiver, reception, from, left);
            break;
        case IN_FOREIGN_BOX:
            at += take_foreign(receiver, left);
            break;
        case OUT_OF_STEP:
            at += find_step(receiver, from, left);
            break;
        }
    }
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

/* What a receiver and the body it is given have in common. */
struct feeding {
    struct receiver *receiver;
    const struct reception *reception;
};

static void take_body(void *context, const unsigned char *bytes, size_t length)
{
    const struct feeding *feeding = context;
    take_media(feeding->receiver, feeding->reception, bytes, length);
}

/* A stream has no length: its status is 200 and its coding chunked. */
static enum response_state judge(const struct response *response)
{
    if (response->status != 200)
        return RESPONSE_REFUSED;
    return response->chunked ? response->state : RESPONSE_MALFORMED;
}

void receiver_feed(struct receiver *receiver, const struct reception *reception,
                   const unsigned char *bytes, size_t length)
{
    struct feeding feeding = {.receiver = receiver, .reception = reception};
    struct response *response = &receiver->response;
    size_t at = 0;
    reception->tally->bytes += length;
    while (at < length && response->state < RESPONSE_COMPLETE) {
        bool in_head = response->state == IN_HEAD;
        at += response_feed(response, bytes + at, length - at, take_body, &feeding);
        if (in_head && response->state != IN_HEAD && response->state != RESPONSE_MALFORMED)
            response->state = judge(response);
    }
}
