#include "fmp4.h"

#include <math.h>
#include <string.h>

#include "box.h"
#include "bytes.h"
#include "fail.h"
#include "init_segment.h"

enum {
    FILLER_SHIFTS = 256,
    NAL_UNSPECIFIED = 30,
    SENT_AT = 16,     /* offset of the send time inside the stamp */
    SEQUENCE_AT = 20, /* offset of the sequence number inside the moof */
    SAMPLE_SYNC = 0x02000000,
    SAMPLE_NON_SYNC = 0x01010000,
};

static const unsigned char MAGIC[8] = {'s', 'o', 'r', 'g', '-', 'b', 'm', '1'};

const unsigned char *init_built_in(enum init_kind kind, size_t *size)
{
    switch (kind) {
    case INIT_AUDIO:
        *size = sizeof AUDIO_INIT_SEGMENT;
        return AUDIO_INIT_SEGMENT;
    case INIT_MUXED:
        *size = sizeof MUXED_INIT_SEGMENT;
        return MUXED_INIT_SEGMENT;
    default:
        *size = sizeof VIDEO_INIT_SEGMENT;
        return VIDEO_INIT_SEGMENT;
    }
}

bool stream_use_init(struct stream *stream, const unsigned char *init, size_t init_size,
                     unsigned index)
{
    size_t size, trak_size;
    stream->init = init;
    stream->init_size = init_size;
    const unsigned char *body = box_find(init, init_size, FOURCC('m', 'o', 'o', 'v'), 0, &size);
    const unsigned char *trak =
        body == NULL ? NULL : box_find(body, size, FOURCC('t', 'r', 'a', 'k'), index, &trak_size);
    if (trak == NULL)
        return false;
    body = box_find(trak, trak_size, FOURCC('t', 'k', 'h', 'd'), 0, &size);
    if (body == NULL || size < 24)
        return false;
    stream->track_id = read_u32(body + (body[0] == 1 ? 20 : 12)); /* version 0 or 1 */
    body = box_find(trak, trak_size, FOURCC('m', 'd', 'i', 'a'), 0, &size);
    body = body == NULL ? NULL : box_find(body, size, FOURCC('m', 'd', 'h', 'd'), 0, &size);
    if (body == NULL || size < 24)
        return false;
    stream->timescale = read_u32(body + (body[0] == 1 ? 20 : 12));
    return stream->timescale > 0;
}

void stream_prepare(struct stream *stream)
{
    size_t length = stream->chunk_size + FILLER_SHIFTS;
    stream->filler = must_allocate(length, 1);
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15); /* xorshift64: the same bytes in every process */
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        stream->filler[i] = (unsigned char)(state >> 32);
    }
}

const unsigned char *stream_filler(const struct stream *stream, uint64_t number)
{
    return stream->filler + number * 37 % FILLER_SHIFTS; /* 37 is odd: all 256 shifts are used */
}

bool stream_is_sync(const struct stream *stream, uint64_t number)
{
    return number % stream->gop == 0;
}

static uint64_t decode_time(const struct stream *stream, uint64_t number)
{
    return (uint64_t)llround((double)number * stream->timescale / stream->hz);
}

static unsigned char *open_box(unsigned char *to, uint32_t size, uint32_t type)
{
    write_u32(to, size);
    write_u32(to + 4, type);
    return to + BOX_HEADER_SIZE;
}

static unsigned char *put_u32(unsigned char *to, uint32_t value)
{
    write_u32(to, value);
    return to + 4;
}

void stream_write_moof(const struct stream *stream, uint64_t number, unsigned char *to)
{
    uint64_t time = decode_time(stream, number);
    uint32_t duration = (uint32_t)(decode_time(stream, number + 1) - time);
    uint32_t sample_size = (uint32_t)(stream->chunk_size - MOOF_SIZE - BOX_HEADER_SIZE);

    to = open_box(to, MOOF_SIZE, FOURCC('m', 'o', 'o', 'f'));
    to = open_box(to, 16, FOURCC('m', 'f', 'h', 'd'));
    to = put_u32(to, 0);
    to = put_u32(to, (uint32_t)(number + 1));
    to = open_box(to, 76, FOURCC('t', 'r', 'a', 'f'));
    to = open_box(to, 16, FOURCC('t', 'f', 'h', 'd'));
    to = put_u32(to, 0x020000); /* default-base-is-moof */
    to = put_u32(to, stream->track_id);
    to = open_box(to, 20, FOURCC('t', 'f', 'd', 't'));
    to = put_u32(to, 0x01000000); /* version 1: 64-bit time */
    write_u64(to, time);
    to = open_box(to + 8, 32, FOURCC('t', 'r', 'u', 'n'));
    to = put_u32(to, 0x000701); /* data offset; per sample: duration, size, flags */
    to = put_u32(to, 1);
    to = put_u32(to, MOOF_SIZE + BOX_HEADER_SIZE);
    to = put_u32(to, duration);
    to = put_u32(to, sample_size);
    put_u32(to, stream_is_sync(stream, number) ? SAMPLE_SYNC : SAMPLE_NON_SYNC);
}

const unsigned char *stream_moof(struct stream *stream, uint64_t number)
{
    if (!stream->has_moof || stream->moof_number != number) {
        stream_write_moof(stream, number, stream->moof);
        stream->moof_number = number;
        stream->has_moof = true;
    }
    return stream->moof;
}

void stream_write_chunk(const struct stream *stream, const struct stamp *stamp, unsigned char *to)
{
    uint32_t mdat_size = (uint32_t)(stream->chunk_size - MOOF_SIZE);
    uint32_t payload_size = mdat_size - BOX_HEADER_SIZE;
    stream_write_moof(stream, stamp->number, to);
    to = open_box(to + MOOF_SIZE, mdat_size, FOURCC('m', 'd', 'a', 't'));
    to = put_u32(to, payload_size - 4);
    to = put_u32(to, FOURCC(NAL_UNSPECIFIED, 's', 'r', 'g'));
    memcpy(to, MAGIC, sizeof MAGIC);
    write_u64(to + 8, stamp->sent_ns);
    write_u64(to + 16, stamp->number);
    write_u32(to + 24, stamp->channel);
    write_u32(to + 28, stamp->flags);
    memcpy(to + 32, stream_filler(stream, stamp->number), payload_size - STAMP_SIZE);
}

void chunk_set_sent(unsigned char *chunk, uint64_t sent_ns)
{
    write_u64(chunk + MOOF_SIZE + BOX_HEADER_SIZE + SENT_AT, sent_ns);
}

void chunk_set_sequence(unsigned char *chunk, uint32_t sequence)
{
    write_u32(chunk + SEQUENCE_AT, sequence);
}

bool stamp_read(const unsigned char *from, size_t payload_size, struct stamp *stamp)
{
    if (read_u32(from) != payload_size - 4 ||
        read_u32(from + 4) != FOURCC(NAL_UNSPECIFIED, 's', 'r', 'g') ||
        memcmp(from + 8, MAGIC, sizeof MAGIC) != 0)
        return false;
    stamp->sent_ns = read_u64(from + SENT_AT);
    stamp->number = read_u64(from + 24);
    stamp->channel = read_u32(from + 32);
    stamp->flags = read_u32(from + 36);
    return true;
}
