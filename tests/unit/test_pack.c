/* test_pack.c - tensors packed part by part, of all kinds and many shapes, against packing value by
 * value; and values that must be refused, wherever they stand. */
#include "models/pack.h"

#include "models/kernels/half.h"
#include "models/kernels/strict.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 };

static uint8_t tensor[MOST];

/* Values of any bits but for those that are refused. */
static void fill(const lic_pack_job *j, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)test_random();
        if (j->kind == LIC_PACK_BYTES)
            b = b == 0x80 ? 1 : b;
        else if (j->half ? i % 2 == 1 : i % 4 == 3)
            b &= 0xBB; /* no exponent of all ones */
        tensor[i] = b;
    }
}

static size_t values_of(const lic_packing *p)
{
    return (size_t)p->cin * (size_t)(p->kernel * p->kernel);
}

/* The bytes of a value in the file: output channel, input channel, kept tap. */
static const uint8_t *value_at(const lic_pack_job *j, int c, int i, int t, size_t size)
{
    const lic_packing *p = &j->p;
    const size_t row = (size_t)(c * p->stride + p->first) * values_of(p);
    return tensor + size * (row + (size_t)i * (size_t)(p->kernel * p->kernel) +
                            (size_t)(p->tap_first + t * p->tap_step));
}

static float as_float(const uint8_t *at, bool half)
{
    float f;
    memcpy(&f, at, 4);
    return half ? lic_half_value((unsigned)(at[0] | at[1] << 8)) : f;
}

static bool is_value(const lic_pack_job *j, int c, int i, int t)
{
    const lic_packing *p = &j->p;
    const size_t taps = (size_t)lic_pack_taps(p), cin = (size_t)p->cin;
    const size_t panel = (size_t)c / LIC_PANEL, lane = (size_t)c % LIC_PANEL;
    const size_t input = (size_t)t * cin + (size_t)i;
    const size_t at = (panel * taps * cin + input) * LIC_PANEL + lane;
    if (j->kind == LIC_PACK_BYTES) {
        const size_t tap = (panel * taps + (size_t)t) * ((cin + 3) / 4 * 4) * LIC_PANEL;
        const size_t place = tap + (size_t)i / 4 * 4 * LIC_PANEL + lane * 4 + (size_t)i % 4;
        return ((const uint8_t *)j->out)[place] == *value_at(j, c, i, t, 1);
    }
    const uint8_t *from = value_at(j, c, i, t, j->half ? 2 : 4);
    if (j->kind == LIC_PACK_HALVES)
        return memcmp((const uint16_t *)j->out + at, from, 2) == 0;
    const float want = as_float(from, j->half);
    return !memcmp((const float *)j->out +
                       (j->kind == LIC_PACK_ROWS ? input * (size_t)p->cout + (size_t)c : at),
                   &want, sizeof want);
}

/* All values are in their places, and all other places of panels are zero. */
static bool is_packed(const lic_pack_job *j)
{
    const lic_packing *p = &j->p;
    const size_t size = j->kind == LIC_PACK_BYTES ? 1 : j->kind == LIC_PACK_HALVES ? 2 : 4;
    size_t zeros = 0, expected = 0;
    for (int c = 0; c < p->cout; c++)
        for (int t = 0; t < lic_pack_taps(p); t++) {
            int sum = 0;
            for (int i = 0; i < p->cin; i++) {
                const uint8_t *from = value_at(j, c, i, t,
                                               j->kind == LIC_PACK_BYTES ? 1
                                               : j->half                 ? 2
                                                                         : 4);
                if (!is_value(j, c, i, t))
                    return false;
                sum += j->kind == LIC_PACK_BYTES ? (int)(int8_t)*from : 0;
                for (size_t b = 0; b < size; b++) {
                    const float f = size == 4 ? as_float(from, j->half) : 0.0f;
                    uint8_t bytes[4];
                    memcpy(bytes, size == 4 ? (const void *)&f : (const void *)from, size);
                    expected += bytes[b] != 0;
                }
            }
            const int at = (c / LIC_PANEL * lic_pack_taps(p) + t) * LIC_PANEL + c % LIC_PANEL;
            if (j->kind == LIC_PACK_BYTES && j->offsets[at] != -128 * sum)
                return false;
        }
    const size_t n = lic_pack_count(j->kind, p) + (j->kind == LIC_PACK_BYTES ? 0 : LIC_PANEL);
    for (size_t i = 0; i < n * size; i++)
        zeros += ((const uint8_t *)j->out)[i] != 0;
    return zeros == expected;
}

/* Packs in parts of `panels` panels; each part lies elsewhere, as if it had just been read. */
static void pack_in_parts(lic_pack_job *j, int panels)
{
    const lic_packing *p = &j->p;
    const size_t row = lic_pack_row_bytes(j);
    for (int c = 0, n; c < p->cout; c += n) {
        n = p->cout - c < panels * LIC_PANEL ? p->cout - c : panels * LIC_PANEL;
        const size_t bytes = (size_t)(n * p->stride) * row;
        uint8_t *part = malloc(bytes);
        memcpy(part, tensor + (size_t)(c * p->stride) * row, bytes);
        lic_pack_part(j, part, c, n);
        free(part);
    }
    lic_pack_end(j);
}

static lic_packing random_packing(void)
{
    static const int kernels[] = {1, 1, 1, 3, 3, 5};
    lic_packing p = {.cout = 1 + (int)test_random_below(70),
                     .cin = 1 + (int)test_random_below(40),
                     .kernel = kernels[test_random_below(6)],
                     .stride = test_random_below(3) ? 1 : 4,
                     .tap_step = 1};
    p.first = (int)test_random_below((uint32_t)p.stride);
    if (p.kernel == 5 && test_random_below(2)) {
        p.tap_first = 1;
        p.tap_step = 2;
    }
    return p;
}

/* Memory that is not zero, of the size that the job asks for and no more. */
static void take(lic_pack_job *j)
{
    const size_t size = j->kind == LIC_PACK_BYTES ? 1 : j->kind == LIC_PACK_HALVES ? 2 : 4;
    const size_t more = j->kind == LIC_PACK_BYTES ? 0 : LIC_PANEL;
    const size_t bytes = (lic_pack_count(j->kind, &j->p) + more) * size;
    const size_t offsets = lic_pack_offsets(&j->p) * sizeof(int32_t);
    j->out = memset(malloc(bytes), 0xA5, bytes);
    j->offsets = memset(malloc(offsets), 0xA5, offsets);
}

static void drop(lic_pack_job *j)
{
    free(j->out);
    free(j->offsets);
}

TEST(packed_in_parts_as_value_by_value)
{
    for (int round = 0; round < 2000; round++) {
        lic_pack_job j = {.kind = (lic_pack_kind)test_random_below(4), .p = random_packing()};
        j.half = j.kind == LIC_PACK_HALVES || (j.kind != LIC_PACK_BYTES && test_random_below(2));
        const size_t bytes = lic_pack_row_bytes(&j) * (size_t)(j.p.cout * j.p.stride);
        REQUIRE(bytes <= MOST);
        fill(&j, bytes);
        take(&j);
        pack_in_parts(&j, 1 + (int)test_random_below(3));
        if (test_failed(is_packed(&j)))
            printf("kind %d: %d x %d, kernel %d, stride %d, taps from %d by %d\n", (int)j.kind,
                   j.p.cout, j.p.cin, j.p.kernel, j.p.stride, j.p.tap_first, j.p.tap_step);
        drop(&j);
    }
}

/* A value that must not be, anywhere in the rows that a job takes. */
TEST(packed_values_out_of_range)
{
    static const uint16_t bad_halves[] = {0x7C00, 0xFC00, 0x7C01, 0x7FFF, 0xFFFF};
    static const uint32_t bad_floats[] = {0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x7F7FFFFFu};
    for (int round = 0; round < 2000; round++) {
        lic_pack_job j = {.kind = (lic_pack_kind)test_random_below(4), .p = random_packing()};
        j.half = j.kind == LIC_PACK_HALVES || (j.kind != LIC_PACK_BYTES && test_random_below(2));
        const size_t row = lic_pack_row_bytes(&j), size = row / values_of(&j.p);
        fill(&j, row * (size_t)(j.p.cout * j.p.stride));
        const int c = (int)test_random_below((uint32_t)j.p.cout),
                  i = (int)test_random_below((uint32_t)j.p.cin),
                  t = (int)test_random_below((uint32_t)lic_pack_taps(&j.p));
        uint8_t *at = tensor + (value_at(&j, c, i, t, size) - tensor);
        take(&j);
        pack_in_parts(&j, 1);
        CHECK(!j.bad);
        if (j.kind == LIC_PACK_BYTES)
            *at = 0x80;
        else if (j.half)
            memcpy(at, &bad_halves[test_random_below(5)], 2);
        else
            memcpy(at, &bad_floats[test_random_below(4)], 4);
        pack_in_parts(&j, 1);
        if (test_failed(j.bad))
            printf("kind %d: %d x %d, kernel %d\n", (int)j.kind, j.p.cout, j.p.cin, j.p.kernel);
        drop(&j);
    }
}

/* Scales are above zero. */
TEST(packed_values_that_must_be_positive)
{
    for (int round = 0; round < 300; round++) {
        lic_pack_job j = {.kind = LIC_PACK_PANELS, .positive = true};
        j.p = (lic_packing){1 + (int)test_random_below(40), 1, 1, 1, 0, 0, 1};
        const uint32_t wrong = test_random_below((uint32_t)j.p.cout);
        for (int c = 0; c < j.p.cout; c++) {
            const float f = 0.5f;
            memcpy(tensor + 4 * c, &f, 4);
        }
        take(&j);
        pack_in_parts(&j, 1);
        CHECK(!j.bad);
        memset(tensor + 4 * wrong, 0, 4);
        pack_in_parts(&j, 1);
        CHECK(j.bad);
        drop(&j);
    }
}
