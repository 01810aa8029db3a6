/* page_fixture.h - a made-up page: text on white, a photograph beside it. */
#ifndef LIC_TESTS_PAGE_FIXTURE_H
#define LIC_TESTS_PAGE_FIXTURE_H

#include "tests/unit/codec_fixture.h"

enum { PAGE_WIDTH = 330, PAGE_HEIGHT = 290, PAGE_TEXT = 160 }; /* columns of text on the left */

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
