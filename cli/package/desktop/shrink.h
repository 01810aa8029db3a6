/* shrink.h - makes a picture smaller, row by row, by averaging areas: each pixel of the result is
 * the exact mean, rounded, of the part of the picture that it covers. Integers only; memory for a
 * few rows. Colours are weighted by alpha, so that transparent pixels leave no fringe. */
#ifndef LIC_CLI_PACKAGE_DESKTOP_SHRINK_H
#define LIC_CLI_PACKAGE_DESKTOP_SHRINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_shrink {
    uint32_t from_width, from_height, width, height;
    uint32_t channels;        /* 1 to 4; 2 and 4: the last one is alpha */
    uint64_t *row_sum, *sum;  /* [width, channels]: of one row, of the rows so far */
    uint32_t next_from, next; /* rows taken, rows given */
    uint8_t *to;              /* where the next row goes */
    size_t stride_bytes;
} lic_shrink;

/* False if memory is short. The result goes to `to`: width x height <= from_width x from_height, no
 * side 0 or over 65535. End with lic_shrink_end in any case. */
bool lic_shrink_begin(lic_shrink *s, uint32_t from_width, uint32_t from_height, uint32_t channels,
                      uint32_t width, uint32_t height, uint8_t *to, size_t stride_bytes);
/* The next row of the picture: 8 bits per sample, channels interleaved. */
void lic_shrink_row(lic_shrink *s, const uint8_t *row);
/* True if all rows were given. */
bool lic_shrink_end(lic_shrink *s);

/* The largest size of the picture's proportions within side x side, or the picture's own. */
void lic_shrink_fit(uint32_t from_width, uint32_t from_height, uint32_t side, uint32_t *width,
                    uint32_t *height);

#endif
