/* exact_fill.c - see exact.h: what a network sees in place of blocks that are kept exactly. Each
 * block gets a colour, the mean of those of the blocks around it, and the colours run smoothly from
 * block to block, and at the border into the pixels that stay. It need not look like anything, only
 * cost few bits. Plain arithmetic in one order: files are the same everywhere. */
#include "codec/exact.h"

#include <string.h>

enum { SIDE = LIC_MASK_SIDE, SWEEPS = 24 };

/* Colours of the blocks of a tensor. */
struct field {
    const lic_mask *map;
    int x0, y0; /* of the tensor's corner, in blocks */
    int w, h;
    float (*colour)[3]; /* [h, w] */
};

static bool is_exact(const struct field *f, int x, int y)
{
    const int column = lic_smaller(f->x0 + x, (int)f->map->columns - 1);
    const int row = lic_smaller(f->y0 + y, (int)f->map->rows - 1);
    return f->map->shown[(size_t)row * f->map->columns + (size_t)column];
}

static const int8_t steps[4][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};

/* The block beside one, in the direction of steps[i]; false at the end of the tensor. */
static bool beside(const struct field *f, int i, int *x, int *y)
{
    *x += steps[i][0];
    *y += steps[i][1];
    return *x >= 0 && *x < f->w && *y >= 0 && *y < f->h;
}

/* Adds up the pixels of a block along its side in the direction of steps[i]. */
static void add_side(tensor t, int x, int y, int i, float sum[3])
{
    for (int j = 0; j < SIDE; j++) {
        const int column = steps[i][0] ? (steps[i][0] > 0 ? SIDE - 1 : 0) : j;
        const int row = steps[i][1] ? (steps[i][1] > 0 ? SIDE - 1 : 0) : j;
        for (int k = 0; k < 3; k++)
            sum[k] += lic_nn_at(t, y * SIDE + row, x * SIDE + column)[k];
    }
}

static void divide(float sum[3], int n)
{
    for (int k = 0; k < 3; k++)
        sum[k] /= (float)n;
}

/* The colour of a block that stays, as exact blocks beside it see it: of the pixels along them.
 * What is further inside, such as a letter, does not count; of blocks with no such side all does.
 */
static void mean_of(const struct field *f, tensor t, int x, int y, float to[3])
{
    int sides = 0;
    memset(to, 0, 3 * sizeof *to);
    for (int i = 0; i < 4; i++) {
        int u = x, v = y;
        if (beside(f, i, &u, &v) && is_exact(f, u, v)) {
            add_side(t, x, y, i, to);
            sides++;
        }
    }
    if (sides > 0) {
        divide(to, sides * SIDE);
        return;
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int k = 0; k < 3; k++)
            to[k] += lic_nn_at(t, y * SIDE + i / SIDE, x * SIDE + i % SIDE)[k];
    divide(to, SIDE * SIDE);
}

/* Colours of the blocks that stay; the others get the mean of these. Returns how many others there
 * are. */
static int measure(struct field *f, tensor t)
{
    float sum[3] = {0.0f};
    int n = 0;
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) {
            float *to = f->colour[y * f->w + x];
            if (is_exact(f, x, y))
                continue;
            mean_of(f, t, x, y, to);
            for (int k = 0; k < 3; k++)
                sum[k] += to[k];
            n++;
        }
    for (int i = 0; i < f->w * f->h && n > 0; i++)
        for (int k = 0; k < 3 && is_exact(f, i % f->w, i / f->w); k++)
            f->colour[i][k] = sum[k] / (float)n;
    return f->w * f->h - n;
}

/* Makes a block's colour the mean of its neighbours'. */
static void relax(struct field *f, int x, int y)
{
    float *to = f->colour[y * f->w + x];
    const float *left = x > 0 ? to - 3 : to, *right = x + 1 < f->w ? to + 3 : to;
    const float *up = y > 0 ? to - 3 * f->w : to, *down = y + 1 < f->h ? to + 3 * f->w : to;
    for (int k = 0; k < 3; k++)
        to[k] = 0.25f * ((left[k] + right[k]) + (up[k] + down[k]));
}

/* Two colours of blocks that lie on either side of a place, and how far it is from the first, in 1
 * / 32 of a block. */
struct between {
    int a, b;
    float share;
};

static struct between between(int pixel, int n)
{
    const int at = 2 * pixel + 1 - SIDE; /* from the middle of block 0, in halves of a pixel */
    const int a = at < 0 ? 0 : at / (2 * SIDE);
    const int b = at < 0 || a + 1 >= n ? a : a + 1;
    return (struct between){a, b, (float)(at - 2 * SIDE * a) / (float)(2 * SIDE)};
}

static void paint(const struct field *f, int x, int y, tensor t)
{
    for (int i = 0; i < SIDE; i++) {
        const struct between v = between(y * SIDE + i, f->h);
        for (int j = 0; j < SIDE; j++) {
            const struct between u = between(x * SIDE + j, f->w);
            float *to = lic_nn_at(t, y * SIDE + i, x * SIDE + j);
            for (int k = 0; k < 3; k++) {
                const float p = f->colour[v.a * f->w + u.a][k], q = f->colour[v.a * f->w + u.b][k];
                const float r = f->colour[v.b * f->w + u.a][k], s = f->colour[v.b * f->w + u.b][k];
                const float upper = p + (q - p) * u.share, lower = r + (s - r) * u.share;
                to[k] = upper + (lower - upper) * v.share;
            }
        }
    }
}

/* Towards a block that stays, colours run into those that it has along its side: an edge there
 * would show, in white above all. */
static void lean(const struct field *f, int x, int y, int i, tensor t)
{
    float colour[3] = {0.0f};
    int u = x, v = y;
    if (!beside(f, i, &u, &v) || is_exact(f, u, v))
        return;
    add_side(t, u, v, i ^ 1, colour);
    divide(colour, SIDE);
    for (int j = 0; j < SIDE * SIDE; j++) {
        const int row = j / SIDE, column = j % SIDE;
        const int along = steps[i][0] ? column : row;
        const int away = steps[i][0] + steps[i][1] > 0 ? SIDE - 1 - along : along;
        const float share = (float)(2 * (SIDE - away) - 1) / (float)(2 * SIDE);
        float *to = lic_nn_at(t, y * SIDE + row, x * SIDE + column);
        for (int k = 0; k < 3; k++)
            to[k] += (colour[k] - to[k]) * (share * share);
    }
}

void lic_exact_fill(nn *c, const lic_mask *map, int x0, int y0, tensor t)
{
    struct field f = {map, x0 / SIDE, y0 / SIDE, t.w / SIDE, t.h / SIDE, NULL};
    const size_t mark = lic_arena_mark(c->arena);
    f.colour = lic_arena_take(c->arena, (size_t)f.w * (size_t)f.h, sizeof f.colour[0]);
    if (!lic_nn_idle(c) && measure(&f, t) > 0) {
        const int n = f.w * f.h;
        for (int i = 0; i < SWEEPS * n; i++) {
            const int at = i / n % 2 ? n - 1 - i % n : i % n;
            if (is_exact(&f, at % f.w, at / f.w))
                relax(&f, at % f.w, at / f.w);
        }
        for (int at = 0; at < n; at++)
            if (is_exact(&f, at % f.w, at / f.w))
                paint(&f, at % f.w, at / f.w, t);
        for (int at = 0; at < 4 * n; at++)
            if (is_exact(&f, at / 4 % f.w, at / 4 / f.w))
                lean(&f, at / 4 % f.w, at / 4 / f.w, at % 4, t);
    }
    lic_arena_rewind(c->arena, mark);
}
