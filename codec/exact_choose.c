/* exact_choose.c - see exact.h: which blocks are kept exactly. The price of a block without loss is
 * known, as it has been coded. What the network would make it cost is estimated from its edges: for
 * text and lines, bits plus the error times the quality's Lagrange multiplier follow the logarithms
 * of the steps from pixel to pixel. In photographs the estimate is too high, but far below the
 * price without loss. Whole numbers only, so that files are the same everywhere. */
#include "codec/drawn.h"
#include "codec/exact.h"

#include "entropy/log2.h"

#include <string.h>

enum {
    ONE_BIT = 64,           /* prices are in its parts */
    EMPTY = ONE_BIT,        /* what the network makes a block of one colour cost */
    BORDER = 120 * ONE_BIT, /* for each side at which a block of the other kind begins */
    LEAST_STEPS = 8 * 256, /* what a tile must gain, in bits of steps: the mask costs something, and
                            * so does a coder that has learned nothing yet */
    FEW = 64,              /* one block in so many must be worth a look */
    NEVER = 1 << 30,
    MOST_LOSS = 96 * ONE_BIT, /* of a block, in sums over several */
    AROUND = 2,               /* blocks to each side */
    SWEEPS = 6
};

/* Bits and error for each bit of steps, in 1 / 256, at qualities 0, 25, .. 100. Pages of text cost
 * twice as much with loss, but icons and sub-pixel text no more than this. */
static const uint32_t prices[] = {68, 117, 203, 300, 600};

static uint32_t price_at(uint32_t quality_code)
{
    const uint32_t at = quality_code * 4, i = at / 65535 < 3 ? at / 65535 : 3,
                   rest = at - i * 65535;
    return (uint32_t)((prices[i] * (uint64_t)(65535 - rest) + prices[i + 1] * (uint64_t)rest) /
                      65535);
}

static const uint8_t *row_of(const lic_band *from, int y)
{
    return (const uint8_t *)from->image.data +
           (size_t)(y - from->first_row) * from->image.stride_bytes;
}

/* The largest difference between two pixels' colours, in steps of 8 bits. */
static uint32_t step(const lic_image *image, const uint8_t *a, const uint8_t *b)
{
    const uint32_t colours = image->channels < 3 ? 1 : 3;
    uint32_t most = 0;
    for (uint32_t i = 0; i < colours; i++) {
        /* the high byte of 16 is the second one, but on some machines */
        uint16_t v[2] = {a[i], b[i]};
        if (image->depth == 16) {
            memcpy(&v[0], a + 2 * i, 2);
            memcpy(&v[1], b + 2 * i, 2);
            v[0] >>= 8;
            v[1] >>= 8;
        }
        const uint32_t d = v[0] > v[1] ? v[0] - v[1] : v[1] - v[0];
        most = d > most ? d : most;
    }
    return most;
}

/* log2(1 + steps / 8) in 1 / 64, linear between powers of 2. */
static uint32_t weight(uint32_t steps)
{
    const uint32_t v = 8 + steps, n = lic_log2(v);
    return 64 * (n - 3) + ((v << 6) >> n) - 64;
}

/* The steps within a row of a block, from the left and from above. */
static uint32_t row_steps(const lic_band *from, lic_area block, int y, int x0, int y0)
{
    const lic_image *image = &from->image;
    const size_t pixel = image->channels * (image->depth / 8);
    const uint8_t *row = row_of(from, y), *above = row_of(from, y > y0 ? y - 1 : y);
    uint32_t sum = 0;
    for (int x = block.x0; x < block.x1; x++) {
        const uint8_t *at = row + (size_t)x * pixel;
        const uint32_t left = x > x0 ? step(image, at, at - pixel) : 0;
        const uint32_t up = step(image, at, above + (size_t)x * pixel);
        sum += weight(left > up ? left : up);
    }
    return sum;
}

static lic_area block_of(lic_area area, uint32_t i, uint32_t columns)
{
    const int x = area.x0 + (int)(i % columns) * LIC_MASK_SIDE;
    const int y = area.y0 + (int)(i / columns) * LIC_MASK_SIDE;
    return (lic_area){x, y, lic_smaller(x + LIC_MASK_SIDE, area.x1),
                      lic_smaller(y + LIC_MASK_SIDE, area.y1)};
}

bool lic_exact_may_pay(const lic_band *from, lic_area area, lic_mask *mask)
{
    const uint32_t n = mask->columns * mask->rows;
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++) {
        const lic_area b = block_of(area, i, mask->columns);
        uint32_t sum = 0, pixels = 0, like = 0;
        for (int y = b.y0 + (b.y1 > b.y0 + 1); y < b.y1; y += 2) {
            sum += row_steps(from, b, y, area.x0, area.y0);
            like += lic_row_goes_on(from, b.x0, b.x1, y);
            pixels += (uint32_t)(b.x1 - b.x0);
        }
        mask->shown[i] = 2 * like > pixels;
        found += 2 * like > pixels && sum > 6 * pixels;
    }
    return found > 1 && found * FEW >= n;
}

void lic_exact_work_take(lic_exact_work *w, nn *c, int width, int height)
{
    w->n = (size_t)lic_mask_blocks((uint32_t)width) * lic_mask_blocks((uint32_t)height);
    w->costs = lic_arena_take(c->arena, w->n, sizeof *w->costs);
    w->worth = lic_arena_take(c->arena, w->n, sizeof *w->worth);
}

static void estimate(lic_exact_work *w, const lic_band *from, lic_area area, uint32_t quality_code,
                     const lic_mask *mask)
{
    const uint32_t n = mask->columns * mask->rows, price = price_at(quality_code);
    for (uint32_t i = 0; i < n; i++) {
        const lic_area b = block_of(area, i, mask->columns);
        uint32_t sum = 0;
        for (int y = b.y0; y < b.y1; y++)
            sum += row_steps(from, b, y, area.x0, area.y0);
        w->worth[i] = (uint32_t)((uint64_t)sum * price / 256) + EMPTY;
    }
}

/* How many neighbours are kept, less those that are not. */
static int around(const lic_mask *m, uint32_t x, uint32_t y)
{
    const uint8_t *at = m->shown + (size_t)y * m->columns + x;
    int sum = 0;
    sum += x > 0 ? 2 * at[-1] - 1 : 0;
    sum += x + 1 < m->columns ? 2 * at[1] - 1 : 0;
    sum += y > 0 ? 2 * at[-(int)m->columns] - 1 : 0;
    sum += y + 1 < m->rows ? 2 * at[m->columns] - 1 : 0;
    return sum;
}

/* What keeping a block costs more than it is worth. Only three quarters of the worth count, so that
 * in doubt blocks go to the network: kinds that change from block to block cost more on both sides.
 */
static int64_t loss_of(const lic_exact_work *w, size_t i)
{
    const int64_t loss = (int64_t)w->costs[i] - w->worth[i] / 4 * 3;
    return loss < -MOST_LOSS ? -MOST_LOSS : loss > MOST_LOSS ? MOST_LOSS : loss;
}

/* Whether it pays to keep the blocks around one, itself included: a line of text is better kept as
 * a whole, or not at all. */
static bool pays_around(const lic_exact_work *w, const lic_mask *m, int x, int y)
{
    const int x1 = lic_smaller(x + AROUND + 1, (int)m->columns);
    const int y1 = lic_smaller(y + AROUND + 1, (int)m->rows);
    int64_t sum = 0;
    for (int v = lic_larger(y - AROUND, 0); v < y1; v++)
        for (int u = lic_larger(x - AROUND, 0); u < x1; u++) {
            const size_t i = (size_t)v * m->columns + (size_t)u;
            sum += w->costs[i] == NEVER ? 0 : loss_of(w, i);
        }
    return sum < 0;
}

/* Iterated conditional modes (Besag 1986): each block in turn takes the cheaper kind, its borders
 * counted. */
static void choose(lic_exact_work *w, lic_mask *m)
{
    const uint32_t n = m->columns * m->rows;
    for (uint32_t i = 0; i < n; i++)
        if (!m->shown[i])
            w->costs[i] = NEVER;
    for (uint32_t i = 0; i < n; i++)
        m->shown[i] =
            w->costs[i] != NEVER && pays_around(w, m, (int)(i % m->columns), (int)(i / m->columns));
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (uint32_t y = 0, i = 0; y < m->rows; y++)
            for (uint32_t x = 0; x < m->columns; x++, i++)
                m->shown[i] =
                    (int64_t)w->costs[i] - w->worth[i] < (int64_t)BORDER * around(m, x, y);
}

bool lic_exact_choose(lic_exact_work *w, const lic_band *from, lic_area area, uint32_t quality_code,
                      lic_mask *mask)
{
    int64_t gain = 0;
    estimate(w, from, area, quality_code, mask);
    choose(w, mask);
    for (uint32_t i = 0; i < mask->columns * mask->rows; i++)
        gain += mask->shown[i] ? (int64_t)w->worth[i] - EMPTY - w->costs[i] : 0;
    return gain >= (int64_t)LEAST_STEPS * price_at(quality_code) / 256 * ONE_BIT;
}
