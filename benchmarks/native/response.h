/* One HTTP/1.1 response as a pure machine: bytes in, head and body out. Input may be split anywhere;
 * it never allocates. */
#ifndef SORGENTE_BENCH_RESPONSE_H
#define SORGENTE_BENCH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESPONSE_HEAD_MAX = 2048 };

enum response_state {
    IN_HEAD,
    IN_FRAME_SIZE,
    IN_FRAME_EXTENSION,
    IN_FRAME_BODY,
    IN_FRAME_END,
    IN_TRAILER,
    IN_BODY,            /* one whose length the head told */
    RESPONSE_COMPLETE,  /* from here on it takes nothing more */
    RESPONSE_REFUSED,   /* never set here: for a user who does not want this status */
    RESPONSE_MALFORMED, /* not HTTP/1.1, or a body without an end that could be seen */
};

struct response {
    enum response_state state;
    unsigned status;
    uint64_t left;   /* bytes of the body, or of the frame at hand */
    bool chunked;    /* else the head told the length of the body */
    bool closes;     /* the server will close the connection behind it */
    uint16_t frame_digits;
    uint16_t head_length;
    char head[RESPONSE_HEAD_MAX]; /* with NUL behind it, once it is complete */
};

/* Takes a piece of the body. */
typedef void body_taker(void *context, const unsigned char *bytes, size_t length);

/* Before each response on a connection. */
void response_start(struct response *response);

/* Takes bytes from the socket and gives how many. It stops behind the head and behind the end, for
 * the caller to have a look: call it again with the rest. */
size_t response_feed(struct response *response, const unsigned char *bytes, size_t length,
                     body_taker *take, void *context);

/* The value of a header of a complete head, NULL when there is none. Not ended by NUL. */
const char *response_header(const struct response *response, const char *name, size_t *length);

#endif
