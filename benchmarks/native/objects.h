/* What was put into the yardstick's memory, as whole responses. */
#ifndef SORGENTE_BENCH_OBJECTS_H
#define SORGENTE_BENCH_OBJECTS_H

#include <stddef.h>

#include "relay.h"

struct object {
    char *target;
    char etag[80];
    struct frame *whole, *not_modified;
    struct object *next;
};

/* Keeps a PUT: its target, its Content-Type, Content-Encoding and ETag, its body. */
void objects_put(struct object **objects, const char *head, const unsigned char *body,
                 size_t length);

/* The answer to a GET; NULL when there is no such object. */
struct frame *objects_get(struct object *objects, const char *head);

#endif
