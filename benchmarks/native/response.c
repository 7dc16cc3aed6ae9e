#include "response.h"

#include <string.h>
#include <strings.h>

enum { FRAME_DIGITS_MAX = 8, LENGTH_DIGITS_MAX = 18 };

void response_start(struct response *response)
{
    memset(response, 0, offsetof(struct response, head)); /* the head is long, and written anew */
}

/* ---- the head ------------------------------------------------------------------------------- */

const char *response_header(const struct response *response, const char *name, size_t *length)
{
    size_t name_length = strlen(name);
    const char *line = strstr(response->head, "\r\n");
    for (; line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
            continue;
        line += name_length + 1;
        line += strspn(line, " \t");
        *length = strcspn(line, "\r");
        return line;
    }
    return NULL;
}

static bool header_is(const struct response *response, const char *name, const char *wanted)
{
    size_t length;
    const char *value = response_header(response, name, &length);
    return value != NULL && length == strlen(wanted) && strncasecmp(value, wanted, length) == 0;
}

static bool read_status(struct response *response)
{
    const char *head = response->head;
    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        return false;
    for (size_t i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9')
            return false;
        response->status = response->status * 10 + (unsigned)(head[i] - '0');
    }
    return true;
}

static bool read_length(struct response *response)
{
    size_t length;
    const char *value = response_header(response, "content-length", &length);
    if (value == NULL || length == 0 || length > LENGTH_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        response->left = response->left * 10 + (unsigned)(value[i] - '0');
    }
    return true;
}

static enum response_state judge_head(struct response *response)
{
    if (!read_status(response))
        return RESPONSE_MALFORMED;
    response->closes = header_is(response, "connection", "close");
    if (response->status == 204 || response->status == 304)
        return RESPONSE_COMPLETE;
    response->chunked = header_is(response, "transfer-encoding", "chunked");
    if (response->chunked)
        return IN_FRAME_SIZE;
    if (!read_length(response))
        return RESPONSE_MALFORMED;
    return response->left == 0 ? RESPONSE_COMPLETE : IN_BODY;
}

static size_t take_head(struct response *response, const unsigned char *bytes, size_t length)
{
    size_t before = response->head_length;
    size_t room = RESPONSE_HEAD_MAX - 1 - before;
    size_t take = length < room ? length : room;
    memcpy(response->head + before, bytes, take);
    size_t look_from = before < 3 ? 0 : before - 3;
    const char *end = memmem(response->head + look_from, before + take - look_from, "\r\n\r\n", 4);
    if (end == NULL) {
        response->head_length = (uint16_t)(before + take);
        if (take == room)
            response->state = RESPONSE_MALFORMED;
        return take;
    }
    response->head_length = (uint16_t)(end + 4 - response->head);
    response->head[response->head_length] = '\0';
    response->state = judge_head(response);
    return response->head_length - before;
}

/* ---- the chunked coding --------------------------------------------------------------------- */

static int digit_of(unsigned char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

static enum response_state after_size_line(struct response *response)
{
    if (response->frame_digits == 0)
        return RESPONSE_MALFORMED;
    response->frame_digits = 0;
    return response->left == 0 ? IN_TRAILER : IN_FRAME_BODY;
}

static void take_size_byte(struct response *response, unsigned char byte)
{
    int digit = digit_of(byte);
    if (digit >= 0 && response->frame_digits < FRAME_DIGITS_MAX) {
        response->left = response->left * 16 + (unsigned)digit;
        response->frame_digits++;
    } else if (byte == '\n') {
        response->state = after_size_line(response);
    } else if (byte == ';') {
        response->state = IN_FRAME_EXTENSION;
    } else if (byte != '\r') {
        response->state = RESPONSE_MALFORMED;
    }
}

static void take_trailer_byte(struct response *response, unsigned char byte)
{
    if (byte == '\n' && response->frame_digits == 0)
        response->state = RESPONSE_COMPLETE;
    else if (byte == '\n')
        response->frame_digits = 0;
    else if (byte != '\r')
        response->frame_digits = 1; /* this trailer line is not empty */
}

static void take_line_byte(struct response *response, unsigned char byte)
{
    switch (response->state) {
    case IN_FRAME_SIZE:
        take_size_byte(response, byte);
        break;
    case IN_FRAME_EXTENSION:
        if (byte == '\n')
            response->state = after_size_line(response);
        break;
    case IN_FRAME_END: /* CRLF after the body */
        if (byte == '\n')
            response->state = IN_FRAME_SIZE;
        else if (byte != '\r')
            response->state = RESPONSE_MALFORMED;
        break;
    default: /* IN_TRAILER: response_feed calls for no other state */
        take_trailer_byte(response, byte);
    }
}

/* ---- all of it ------------------------------------------------------------------------------ */

static size_t take_body(struct response *response, const unsigned char *bytes, size_t length,
                        body_taker *take, void *context)
{
    size_t taken = response->left < length ? (size_t)response->left : length;
    take(context, bytes, taken);
    response->left -= taken;
    if (response->left == 0)
        response->state = response->chunked ? IN_FRAME_END : RESPONSE_COMPLETE;
    return taken;
}

size_t response_feed(struct response *response, const unsigned char *bytes, size_t length,
                     body_taker *take, void *context)
{
    if (response->state == IN_HEAD)
        return take_head(response, bytes, length);
    size_t at = 0;
    while (at < length && response->state < RESPONSE_COMPLETE) {
        if (response->state == IN_FRAME_BODY || response->state == IN_BODY)
            at += take_body(response, bytes + at, length - at, take, context);
        else
            take_line_byte(response, bytes[at++]);
    }
    return at;
}
