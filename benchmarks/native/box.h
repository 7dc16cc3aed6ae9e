/* ISO-BMFF boxes: a 32-bit size, a type, a body. */
#ifndef SORGENTE_BENCH_BOX_H
#define SORGENTE_BENCH_BOX_H

#include <stddef.h>
#include <stdint.h>

enum { BOX_HEADER_SIZE = 8 };

/* The body of box number `index`, from 0, of this type among the boxes of `bytes`; NULL when there
 * is none, or a size is not right. */
const unsigned char *box_find(const unsigned char *bytes, size_t length, uint32_t type,
                              unsigned index, size_t *body_size);

#endif
