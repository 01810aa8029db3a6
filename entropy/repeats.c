/* repeats.c - see repeats.h. */
#include "entropy/repeats.h"

#include "entropy/log2.h"

#include <string.h>

void lic_repeats_take(lic_repeats *r, lic_arena *arena, uint32_t width, unsigned bits)
{
    const size_t row = (size_t)width + 2 * LIC_PIXEL_MARGIN, slots = (size_t)1 << bits;
    for (int i = 0; i < 3; i++) {
        lic_pixel *at = lic_arena_take(arena, row, sizeof *at);
        r->rows[i] = at ? at + LIC_PIXEL_MARGIN : NULL;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t *at = lic_arena_take(arena, row, 1);
        r->ranks[i] = at ? at + LIC_PIXEL_MARGIN : NULL;
    }
    r->far = lic_arena_take(arena, slots, sizeof *r->far);
    r->near = lic_arena_take(arena, slots, sizeof *r->near);
    r->hashed = lic_arena_take(arena, slots, sizeof *r->hashed);
    r->list = lic_arena_take(arena, 1, sizeof *r->list);
}

static void init_colours(lic_colours *c)
{
    c->n = 0;
    memset(c->slots, 0, sizeof c->slots);
    lic_bit_models_init(c->known, 16);
    lic_bit_models_init(c->alone, LIC_COLOURS);
    lic_bit_models_init(c->left[0], LIC_COLOURS * LIC_COLOURS);
    lic_bit_models_init(c->above[0], LIC_COLOURS * LIC_COLOURS);
    lic_bit_weights_init(c->weights, 8);
}

static uint64_t hash_step(uint64_t h, lic_pixel p)
{
    h = (h ^ p) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

/* The places of eleven neighbours in the memories. */
static lic_places hash(const lic_pixel *now, const lic_pixel *above, const lic_pixel *over,
                       unsigned bits)
{
    lic_places places;
    uint64_t h = hash_step(0, now[-1]);
    h = hash_step(h, above[0]);
    h = hash_step(h, above[-1]);
    h = hash_step(h, above[1]);
    places.near = (uint32_t)(h >> (64 - bits));
    h = hash_step(h, now[-2]);
    h = hash_step(h, now[-3]);
    h = hash_step(h, above[-2]);
    h = hash_step(h, above[2]);
    h = hash_step(h, over[0]);
    h = hash_step(h, over[-1]);
    h = hash_step(h, over[1]);
    places.far = (uint32_t)(h >> (64 - bits));
    return places;
}

void lic_repeats_init(lic_repeats *r, uint32_t width, unsigned bits, bool colours)
{
    const size_t row = (size_t)width + 2 * LIC_PIXEL_MARGIN, slots = (size_t)1 << bits;
    r->bits = bits;
    for (int i = 0; i < 3; i++)
        memset(r->rows[i] - LIC_PIXEL_MARGIN, 0, row * sizeof *r->rows[i]);
    for (int i = 0; i < 2; i++)
        memset(r->ranks[i] - LIC_PIXEL_MARGIN, 0, row);
    memset(r->far, 0, slots * sizeof *r->far);
    memset(r->near, 0, slots * sizeof *r->near);
    lic_bit_models_init(r->hashed[0], slots * LIC_GUESSES);
    lic_bit_models_init(r->trust[0], sizeof r->trust / sizeof r->trust[0][0]);
    lic_bit_models_init(r->pattern[0], sizeof r->pattern / sizeof r->pattern[0][0]);
    lic_bit_weights_init(r->weights[0], LIC_GUESSES * 8);
    const lic_pixel none[5] = {0};
    r->flat = 0;
    r->flat_places = hash(none + 3, none + 2, none + 1, bits);
    r->colours = colours ? r->list : NULL;
    if (colours)
        init_colours(r->list);
}

/* Beyond the left edge lies the first pixel of the row above, beyond the right edge its last. */
void lic_repeats_next_row(lic_repeats *r, uint32_t y, uint32_t width)
{
    lic_pixel *row = r->rows[2];
    uint8_t *ranks = r->ranks[1];
    r->rows[2] = r->rows[1];
    r->rows[1] = r->rows[0];
    r->rows[0] = row;
    r->ranks[1] = r->ranks[0];
    r->ranks[0] = ranks;
    const lic_pixel first = y ? r->rows[1][0] : 0, last = y ? r->rows[1][width - 1] : 0;
    for (int i = 1; i <= LIC_PIXEL_MARGIN; i++) {
        r->rows[0][-i] = r->rows[1][-i] = first;
        r->rows[1][(int)width - 1 + i] = last;
    }
}

/* ---- guesses ---- */

static void add(lic_guesses *g, lic_pixel pixel)
{
    for (int i = 0; i < g->n; i++)
        if (g->pixel[i] == pixel)
            return;
    if (g->n < LIC_GUESSES)
        g->pixel[g->n++] = pixel;
}

/* Which neighbours are alike, 6 bits, and how well the pixels to the left and above were guessed.
 */
static uint32_t pattern_of(const lic_repeats *r, uint32_t x)
{
    static const uint8_t kind[LIC_GUESSES + 1] = {0, 1, 1, 2};
    const lic_pixel *now = r->rows[0] + x, *above = r->rows[1] + x;
    const uint8_t *ranks = r->ranks[1] + x;
    const uint32_t alike =
        (uint32_t)(now[-1] == above[0]) | (uint32_t)(above[0] == above[-1]) << 1 |
        (uint32_t)(above[0] == above[1]) << 2 | (uint32_t)(now[-1] == above[-1]) << 3 |
        (uint32_t)(now[-1] == now[-2]) << 4 | (uint32_t)(above[0] == r->rows[2][x]) << 5;
    return alike * 27 + kind[(r->ranks[0] + x)[-1]] * 9u + kind[ranks[0]] * 3u + kind[ranks[1]];
}

/* Most neighbourhoods of a drawing are of one colour, which mostly is the last one's too. */
static lic_places find(lic_repeats *r, uint32_t x)
{
    const lic_pixel *now = r->rows[0] + x, *above = r->rows[1] + x, *over = r->rows[2] + x,
                    p = now[-1];
    const lic_pixel differ = (now[-2] ^ p) | (now[-3] ^ p) | (above[-2] ^ p) | (above[-1] ^ p) |
                             (above[0] ^ p) | (above[1] ^ p) | (above[2] ^ p) | (over[-1] ^ p) |
                             (over[0] ^ p) | (over[1] ^ p);
    if (differ)
        return hash(now, above, over, r->bits);
    if (p != r->flat) {
        r->flat = p;
        r->flat_places = hash(now, above, over, r->bits);
    }
    return r->flat_places;
}

static void guess(lic_repeats *r, uint32_t x, lic_guesses *g)
{
    const lic_pixel *now = r->rows[0] + x, *above = r->rows[1] + x;
    const lic_places places = find(r, x);
    g->near = places.near;
    g->far = places.far;
    const lic_memory_slot far = r->far[g->far], near = r->near[g->near];
    g->n = 0;
    if (far.trust)
        add(g, far.pixel);
    if (near.trust)
        add(g, near.pixel);
    add(g, now[-1]);
    add(g, above[0]);
    add(g, above[1]);
    g->trust = (far.trust * 8 + near.trust) * 2 + (far.pixel == near.pixel);
    g->pattern = pattern_of(r, x);
}

static bool code_guess(lic_repeats *r, const lic_bit_coder *coder, uint32_t x, const lic_guesses *g,
                       int i, bool right)
{
    const uint32_t same = (uint32_t)(g->pixel[i] == r->rows[0][(int)x - 1]) |
                          (uint32_t)(g->pixel[i] == r->rows[1][x]) << 1;
    return lic_bit_code_mixed(coder, right, &r->trust[i][g->trust * 4 + same],
                              &r->hashed[g->near][i], &r->pattern[i][g->pattern],
                              &r->weights[i][g->trust >> 4]);
}

static void remember(lic_memory_slot *slot, lic_pixel pixel)
{
    if (slot->trust && slot->pixel == pixel)
        slot->trust += slot->trust < 7;
    else if (slot->trust > 1)
        slot->trust /= 2;
    else
        *slot = (lic_memory_slot){pixel, 1};
}

/* ---- the list of colours ---- */

static uint32_t slot_of(const lic_colours *c, lic_pixel pixel)
{
    uint32_t i = (uint32_t)(hash_step(0, pixel) >> 54);
    while (c->slots[i] && c->colour[c->slots[i] - 1] != pixel)
        i = (i + 1) % LIC_COLOUR_SLOTS;
    return i;
}

/* The number of a colour; the length of the list if it is not there. */
static uint32_t number_of(const lic_colours *c, lic_pixel pixel)
{
    const uint32_t number = c->slots[slot_of(c, pixel)];
    return number ? number - 1 : c->n;
}

/* Codes a number in a tree with as many bits as the last number has. */
static uint32_t code_number(lic_colours *c, const lic_bit_coder *coder, uint32_t left,
                            uint32_t above, uint32_t number)
{
    uint32_t node = 1;
    const int n_bits = c->n > 1 ? (int)lic_log2(c->n - 1) + 1 : 0;
    left = left < LIC_COLOURS ? left : 0; /* the neighbour before the first pixel has none */
    above = above < LIC_COLOURS ? above : 0;
    for (int i = n_bits - 1; i >= 0; i--)
        node = node << 1 | lic_bit_code_mixed(coder, number >> i & 1, &c->alone[node],
                                              &c->left[left][node], &c->above[above][node],
                                              &c->weights[i]);
    return node - (1u << n_bits);
}

/* True if the pixel is in the list; else, if there is room, it goes into it. */
static bool code_colour(lic_repeats *r, const lic_bit_coder *coder, uint32_t x, lic_pixel *pixel)
{
    lic_colours *c = r->colours;
    const uint32_t number = coder->enc ? number_of(c, *pixel) : 0;
    if (!lic_bit_code_plain(coder, number < c->n, &c->known[lic_log2(c->n)]))
        return false;
    const uint32_t got = code_number(c, coder, number_of(c, r->rows[0][(int)x - 1]),
                                     number_of(c, r->rows[1][x]), number);
    *pixel = got < c->n ? c->colour[got] : 0;
    return true;
}

/* ---- a pixel ---- */

static void enter(lic_repeats *r, uint32_t x, const lic_guesses *g, int rank, lic_pixel pixel)
{
    remember(&r->far[g->far], pixel);
    remember(&r->near[g->near], pixel);
    r->ranks[0][x] = (uint8_t)rank;
    r->rows[0][x] = pixel;
}

void lic_repeats_enter(lic_repeats *r, uint32_t x, lic_pixel pixel)
{
    enter(r, x, &r->last, LIC_GUESSES, pixel);
    lic_colours *c = r->colours;
    if (!c || c->n == LIC_COLOURS)
        return;
    const uint32_t slot = slot_of(c, pixel);
    if (c->slots[slot])
        return;
    c->colour[c->n++] = pixel;
    c->slots[slot] = (uint16_t)c->n;
}

/* Above the first row there is the pixel to the left. */
static void pretend_rows_above(lic_repeats *r, uint32_t x)
{
    for (int i = -2; i <= 2; i++)
        r->rows[1][(int)x + i] = r->rows[2][(int)x + i] = r->rows[0][(int)x - 1];
}

bool lic_repeats_see(lic_repeats *r, uint32_t x, uint32_t y, lic_pixel pixel)
{
    lic_guesses g;
    int rank = 0;
    if (y == 0)
        pretend_rows_above(r, x);
    guess(r, x, &g);
    while (rank < g.n && g.pixel[rank] != pixel)
        rank++;
    enter(r, x, &g, rank < g.n ? rank : LIC_GUESSES, pixel);
    return rank < g.n;
}

void lic_repeats_skip(lic_repeats *r, uint32_t x, lic_pixel pixel)
{
    r->ranks[0][x] = 0;
    r->rows[0][x] = pixel;
}

bool lic_repeats_code(lic_repeats *r, const lic_bit_coder *coder, uint32_t x, uint32_t y,
                      lic_pixel *pixel)
{
    if (y == 0)
        pretend_rows_above(r, x);
    lic_guesses *g = &r->last;
    guess(r, x, g);
    for (int i = 0; i < g->n; i++)
        if (code_guess(r, coder, x, g, i, coder->enc && *pixel == g->pixel[i])) {
            *pixel = g->pixel[i];
            enter(r, x, g, i, *pixel);
            return true;
        }
    if (!r->colours || !code_colour(r, coder, x, pixel))
        return false;
    enter(r, x, g, LIC_GUESSES, *pixel);
    return true;
}
