/* page_fixture.h - a made-up page: text on white, a photograph beside it. */
#ifndef LIC_TESTS_PAGE_FIXTURE_H
#define LIC_TESTS_PAGE_FIXTURE_H

#include "tests/unit/codec_fixture.h"

#include <string.h>

enum { PAGE_WIDTH = 330, PAGE_HEIGHT = 290, PAGE_TEXT = 160 }; /* columns of text on the left */

static inline uint32_t sample_top(const lic_image *p)
{
    return p->depth == 8 ? 255 : 65535;
}

static inline uint32_t get_sample(const lic_image *p, uint32_t x, uint32_t y, uint32_t i)
{
    const uint8_t *row = (const uint8_t *)p->data + y * p->stride_bytes;
    uint16_t v;
    if (p->depth == 8)
        return row[x * p->channels + i];
    memcpy(&v, row + 2 * (x * p->channels + i), 2);
    return v;
}

static inline void put_sample(lic_image *p, uint32_t x, uint32_t y, uint32_t i, uint32_t value)
{
    uint8_t *row = (uint8_t *)p->data + y * p->stride_bytes;
    const uint16_t v = (uint16_t)value;
    if (p->depth == 8)
        row[x * p->channels + i] = (uint8_t)value;
    else
        memcpy(row + 2 * (x * p->channels + i), &v, 2);
}

/* A stem and a bar or two for each letter. */
static inline bool is_ink(uint32_t x, uint32_t y)
{
    const uint32_t letter = x / 7 * 5 + y / 14 * 3, u = x % 7, v = y % 14;
    return v < 9 && (u == 1 || (u < 6 && v == letter % 4 * 2) || (u == 5 && letter % 3 == 0));
}

/* Letters on white; right of them the fixture's picture with noise. Alpha is some slope. */
static inline lic_image make_page(uint32_t channels, uint32_t depth)
{
    lic_image p = make_picture(PAGE_WIDTH, PAGE_HEIGHT, channels, depth);
    const uint32_t top = sample_top(&p), colours = channels < 3 ? 1 : 3;
    for (uint32_t y = 0; y < PAGE_HEIGHT; y++)
        for (uint32_t x = 0; x < PAGE_WIDTH; x++)
            for (uint32_t i = 0; i < channels; i++) {
                const uint32_t noise =
                    get_sample(&p, x, y, i) / 2 + (uint32_t)test_random() % (top / 3);
                put_sample(&p, x, y, i,
                           i == colours     ? (x + y) * (top / 1000)
                           : x >= PAGE_TEXT ? noise
                           : is_ink(x, y)   ? top / 8 * i
                                            : top);
            }
    return p;
}

#endif
