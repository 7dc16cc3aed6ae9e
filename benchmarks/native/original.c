#include "original.h"

#include <string.h>

#include "box.h"
#include "bytes.h"
#include "fail.h"

enum {
    BOX_SIZE_MAX = 64 << 20,
    TFHD_BASE_OFFSET = 0x01,
    TFHD_DESCRIPTION = 0x02,
    TFHD_DURATION = 0x08,
    TRUN_DATA_OFFSET = 0x001,
    TRUN_FIRST_FLAGS = 0x004,
    TRUN_DURATION = 0x100,
    TRUN_SAMPLE_FIELDS = 0xf00, /* each bit is 4 bytes a sample */
};

/* ---- one chunk ------------------------------------------------------------------------------ */

static uint32_t default_duration(const unsigned char *tfhd, size_t size)
{
    uint32_t flags = read_u32(tfhd);
    size_t at = 8 + (flags & TFHD_BASE_OFFSET ? 8u : 0u) + (flags & TFHD_DESCRIPTION ? 4u : 0u);
    return flags & TFHD_DURATION && at + 4 <= size ? read_u32(tfhd + at) : 0;
}

static uint64_t run_duration(const unsigned char *trun, size_t size, uint32_t by_default)
{
    uint32_t flags = read_u32(trun), count = read_u32(trun + 4);
    size_t at = 8 + (flags & TRUN_DATA_OFFSET ? 4u : 0u) + (flags & TRUN_FIRST_FLAGS ? 4u : 0u);
    size_t step = 4 * (size_t)__builtin_popcount(flags & TRUN_SAMPLE_FIELDS);
    if (!(flags & TRUN_DURATION))
        return (uint64_t)count * by_default;
    uint64_t duration = 0;
    for (; count > 0 && at + 4 <= size; count--, at += step)
        duration += read_u32(trun + at);
    return duration;
}

/* A CMAF chunk has one traf. False: there is no time in it. */
static bool read_moof(struct original *original, const unsigned char *moof, size_t length)
{
    size_t size, traf_size;
    const unsigned char *traf = box_find(moof, length, FOURCC('t', 'r', 'a', 'f'), 0, &traf_size);
    if (traf == NULL)
        return false;
    const unsigned char *box = box_find(traf, traf_size, FOURCC('t', 'f', 'd', 't'), 0, &size);
    if (box == NULL || size < (box[0] == 1 ? 12u : 8u))
        return false;
    original->time = box[0] == 1 ? read_u64(box + 4) : read_u32(box + 4);
    box = box_find(traf, traf_size, FOURCC('t', 'f', 'h', 'd'), 0, &size);
    if (box == NULL || size < 8)
        return false;
    uint32_t by_default = default_duration(box, size);
    original->duration = 0;
    for (unsigned run = 0;
         (box = box_find(traf, traf_size, FOURCC('t', 'r', 'u', 'n'), run, &size)) != NULL; run++)
        if (size >= 8)
            original->duration += run_duration(box, size, by_default);
    return true;
}

static void note_order(struct original *original, const struct inspection *inspection,
                       const struct stamp *stamp)
{
    struct checks *checks = inspection->checks;
    bool first = original->chunk_count == 0;
    if (first) {
        original->first = (struct place){.number = stamp->number, .time = original->time};
        original->next = original->first;
    }
    if (original->stamped && stamp->number < original->next.number)
        checks->disorder++;
    else if (original->stamped)
        checks->lost += stamp->number - original->next.number;
    else if (original->time != original->next.time)
        checks->gaps++;
    if (stamp->number >= original->next.number)
        original->next.number = stamp->number + 1;
    original->next.time = original->time + original->duration;
}

static void append_chunk(struct original *original, size_t end, uint64_t made_ns)
{
    if (original->chunk_count == original->chunk_capacity) {
        original->chunk_capacity = original->chunk_capacity > 0 ? 2 * original->chunk_capacity : 64;
        original->chunks =
            realloc(original->chunks, original->chunk_capacity * sizeof *original->chunks);
        if (original->chunks == NULL)
            fail_errno("allocate chunks");
    }
    original->chunks[original->chunk_count++] = (struct chunk){.end = end, .made_ns = made_ns};
}

/* The mdat behind a moof. False: not as it was published. */
static bool take_samples(struct original *original, const struct inspection *inspection,
                         const unsigned char *samples, size_t size)
{
    struct stamp stamp = {0};
    bool stamped = size >= STAMP_SIZE && stamp_read(samples, size, &stamp);
    bool first = original->chunk_count == 0;
    if (first)
        original->stamped = stamped;
    if (stamped != original->stamped)
        return false;
    if (stamped && (size > inspection->stream->chunk_size ||
                    memcmp(samples + STAMP_SIZE, stream_filler(inspection->stream, stamp.number),
                           size - STAMP_SIZE) != 0))
        return false;
    double due_ns = original->ruler.zero_ns + (double)(original->time + original->duration) /
                                                  original->ruler.timescale * 1e9;
    note_order(original, inspection, &stamp);
    inspection->checks->chunks++;
    size_t end = (size_t)(samples + size - original->bytes);
    append_chunk(original, end, stamped ? stamp.sent_ns : due_ns > 0 ? (uint64_t)due_ns : 0);
    return true;
}

/* ---- the boxes of a segment ----------------------------------------------------------------- */

/* One whole box. False: it has no place here. */
static bool take_box(struct original *original, const struct inspection *inspection, uint32_t type,
                     const unsigned char *body, size_t size)
{
    bool has_moof = original->has_moof;
    original->has_moof = false;
    switch (type) {
    case FOURCC('m', 'o', 'o', 'f'):
        original->has_moof = true;
        return !has_moof && read_moof(original, body, size);
    case FOURCC('m', 'd', 'a', 't'):
        return has_moof && take_samples(original, inspection, body, size);
    case FOURCC('s', 't', 'y', 'p'):
    case FOURCC('s', 'i', 'd', 'x'):
    case FOURCC('p', 'r', 'f', 't'):
    case FOURCC('e', 'm', 's', 'g'):
    case FOURCC('f', 'r', 'e', 'e'):
        return !has_moof;
    default:
        return false;
    }
}

static void walk(struct original *original, const struct inspection *inspection)
{
    while (!original->out_of_step && original->length - original->walked >= BOX_HEADER_SIZE) {
        const unsigned char *box = original->bytes + original->walked;
        uint32_t size = read_u32(box);
        if (size >= BOX_HEADER_SIZE && size <= BOX_SIZE_MAX &&
            size > original->length - original->walked)
            return; /* not whole yet */
        if (size < BOX_HEADER_SIZE || size > BOX_SIZE_MAX ||
            !take_box(original, inspection, read_u32(box + 4), box + BOX_HEADER_SIZE,
                      size - BOX_HEADER_SIZE)) {
            inspection->checks->damaged++;
            original->out_of_step = true; /* where its next box begins, nobody knows */
        }
        original->walked += size;
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void append_bytes(struct original *original, const unsigned char *bytes, size_t length)
{
    if (original->capacity - original->length < length) {
        size_t capacity = original->capacity > 0 ? original->capacity : 4096;
        while (capacity - original->length < length)
            capacity *= 2;
        original->bytes = realloc(original->bytes, capacity);
        if (original->bytes == NULL)
            fail_errno("allocate an original");
        original->capacity = capacity;
    }
    memcpy(original->bytes + original->length, bytes, length);
    original->length += length;
}

bool original_take(struct original *original, const struct inspection *inspection, size_t at,
                   const unsigned char *bytes, size_t length)
{
    size_t known = original->length - at;
    size_t compared = known < length ? known : length;
    if ((compared > 0 && memcmp(original->bytes + at, bytes, compared) != 0) ||
        (compared < length && original->whole)) {
        inspection->checks->corrupt++;
        return false;
    }
    if (compared < length) {
        append_bytes(original, bytes + compared, length - compared);
        if (original->is_segment)
            walk(original, inspection);
    }
    return true;
}

void original_end(struct original *original, const struct inspection *inspection, size_t at)
{
    if (at < original->length) {
        inspection->checks->cut_short++;
        return;
    }
    if (!original->whole && original->is_segment && !original->out_of_step &&
        (original->walked < original->length || original->has_moof))
        inspection->checks->damaged++;
    original->whole = true;
}

void originals_join(const struct original *before, const struct original *after,
                    const struct inspection *inspection)
{
    if (before->out_of_step || after->out_of_step || before->stamped != after->stamped)
        return; /* counted already */
    if (!before->stamped)
        inspection->checks->gaps += before->next.time != after->first.time;
    else if (after->first.number < before->next.number)
        inspection->checks->disorder++;
    else
        inspection->checks->lost += after->first.number - before->next.number;
}

void original_free(struct original *original)
{
    free(original->bytes);
    free(original->chunks);
}
