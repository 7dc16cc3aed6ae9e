#include "box.h"

#include "bytes.h"

const unsigned char *box_find(const unsigned char *bytes, size_t length, uint32_t type,
                              unsigned index, size_t *body_size)
{
    size_t at = 0;
    while (length - at >= BOX_HEADER_SIZE) {
        uint32_t size = read_u32(bytes + at);
        if (size < BOX_HEADER_SIZE || size > length - at)
            return NULL;
        if (read_u32(bytes + at + 4) == type && index-- == 0) {
            *body_size = size - BOX_HEADER_SIZE;
            return bytes + at + BOX_HEADER_SIZE;
        }
        at += size;
    }
    return NULL;
}
