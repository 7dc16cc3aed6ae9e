#include "objects.h"

#include "fail.h"
#include "faults.h"

enum { HEADERS_MAX = 512, VALUE_MAX = 80, TARGET_MAX = 512 };

static void read_header(const char *head, const char *name, char value[VALUE_MAX])
{
    char wanted[VALUE_MAX];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *found = strcasestr(head, wanted);
    value[0] = '\0';
    if (found == NULL)
        return;
    found += strlen(wanted);
    size_t length = strcspn(found, "\r");
    snprintf(value, VALUE_MAX, "%.*s", (int)length, found);
}

void objects_put(struct object **objects, const char *head, const unsigned char *body,
                 size_t length)
{
    static const char *const KEPT[] = {"Content-Type", "Content-Encoding", "ETag"};
    struct object *object = must_allocate(1, sizeof *object);
    char headers[HEADERS_MAX] = "Cache-Control: public, max-age=3600\r\n", value[VALUE_MAX];
    const char *target = strchr(head, ' ') + 1; /* the caller has seen `PUT ` */
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) {
        read_header(head, KEPT[i], value);
        size_t at = strlen(headers);
        if (value[0] != '\0')
            snprintf(headers + at, sizeof headers - at, "%s: %s\r\n", KEPT[i], value);
    }
    memcpy(object->etag, value, sizeof object->etag);
    object->target = strndup(target, strcspn(target, " "));
    object->whole = frame_response("200 OK", headers, body, length);
    object->not_modified = frame_response("304 Not Modified", headers, NULL, 0);
    object->next = *objects;
    *objects = object;
}

struct frame *objects_get(struct object *objects, const char *head)
{
    const char *target = strchr(head, ' ') + 1; /* the caller has seen `GET ` */
    size_t length = strcspn(target, " ");
    struct object *object = objects;
    while (object != NULL && (strncmp(object->target, target, length) != 0 ||
                              object->target[length] != '\0'))
        object = object->next;
    if (object == NULL)
        return NULL;
    if (object->etag[0] != '\0') {
        char value[VALUE_MAX];
        read_header(head, "If-None-Match", value);
        if (strcmp(value, object->etag) == 0)
            return object->not_modified;
    }
    return object->whole;
}
