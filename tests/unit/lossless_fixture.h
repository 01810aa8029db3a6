/* lossless_fixture.h - rasters of many kinds, and the lossless coder around them. */
#ifndef LIC_TESTS_LOSSLESS_FIXTURE_H
#define LIC_TESTS_LOSSLESS_FIXTURE_H

#include "entropy/lossless.h"
#include "tests/entropy_fixture.h"
#include "tests/test.h"

typedef enum raster_kind {
    FLAT,
    NOISE,
    EXTREMES,  /* 0 or the highest, at random */
    SLOPES,    /* with a little noise */
    PLANES,    /* without noise, folded at the ends of the range */
    LETTERS,   /* few colours, shapes that come again */
    STRETCHED, /* slopes of few values over the whole range */
    RASTER_KINDS
} raster_kind;

static inline uint32_t raster_value(raster_kind kind, uint32_t x, uint32_t y, uint32_t i,
                                    uint32_t top)
{
    switch (kind) {
    case FLAT:
        return top - i;
    case NOISE:
        return (uint32_t)test_random() & top;
    case EXTREMES:
        return test_random_below(2) ? top : 0;
    case SLOPES:
        return (x * (3 + i) + y * 2 + test_random_below(4)) * (top / 255) % (top + 1);
    case PLANES: {
        const uint32_t v = (x * (3 + i) + y * 2) * (top / 255) % (2 * top);
        return v > top ? 2 * top - v : v;
    }
    case LETTERS:
        return (x % 7 * (y % 9) + y / 27 * 3) % 5 * (top / 8 + i);
    default:
        return (x + y + i) % 16 * (top / 15);
    }
}

/* To be freed: raster.data. */
static inline lic_raster make_raster(raster_kind kind, uint32_t width, uint32_t height,
                                     uint32_t channels, uint32_t depth)
{
    const size_t stride = (size_t)width * channels * (depth / 8);
    lic_raster r = {malloc(stride * height), stride, width, height, channels, depth};
    uint8_t *bytes = r.data;
    uint16_t *words = r.data;
    size_t k = 0;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t i = 0; i < channels; i++, k++) {
                const uint32_t v = raster_value(kind, x, y, i, (1u << depth) - 1);
                if (depth == 8)
                    bytes[k] = (uint8_t)v;
                else
                    words[k] = (uint16_t)v;
            }
    return r;
}

/* A coder with its memory. */
typedef struct lossless_coder {
    lic_lossless l;
    lic_arena arena;
} lossless_coder;

static inline void coder_init(lossless_coder *c, uint32_t width, uint32_t height, uint32_t channels,
                              uint32_t depth)
{
    lic_arena plan;
    *c = (lossless_coder){.arena = {0}};
    lic_arena_plan(&plan);
    lic_lossless_take(&c->l, &plan, width, height, channels, depth);
    CHECK(lic_arena_reserve(&c->arena, plan.peak, NULL));
    lic_lossless_take(&c->l, &c->arena, width, height, channels, depth);
    CHECK(!c->arena.failed);
}

/* To be freed: data. */
static inline lic_range_encoder lossless_code(lossless_coder *c, const lic_raster *from)
{
    static grow_state g;
    lic_range_encoder enc;
    g = (grow_state){-1, 0};
    lic_range_encoder_init(&enc, fixture_grow, &g);
    lic_lossless_encode(&c->l, &enc, from);
    CHECK(lic_range_finish(&enc));
    return enc;
}

/* An empty raster of the same shape, all bytes `fill`. */
static inline lic_raster like(const lic_raster *r, int fill)
{
    lic_raster to = *r;
    to.data = malloc(r->stride_bytes * r->height);
    memset(to.data, fill, r->stride_bytes * r->height);
    return to;
}

#endif
