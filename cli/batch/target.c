/* target.c - see target.h. Interpolates between the nearest tries on both sides, along a scale of
 * quality on which the curve is nearly straight, so that three encodes are usual. The constants
 * below, from the Kodak pictures at 11 qualities, only say where to begin: a picture or model that
 * is far from them costs one more try. */
#include "cli/batch/target.h"

#include <math.h>
#include <string.h>

/* ---- the scale ---- */

/* ln of the rate over quality, a parabola: steeper at the low end. */
#define RATE_SLOPE  0.0494
#define RATE_BEND   0.000156
#define RATE_MIDDLE (-0.58) /* ln of bpp at quality 50 */
/* PSNR over quality, a line. */
#define PSNR_SLOPE  0.146
#define PSNR_MIDDLE 34.7

/* What is good enough; the aim is the middle of it. */
#define SIZE_WINDOW 0.025
#define PSNR_WINDOW 0.08

static bool is_size(const lic_target *t)
{
    return t->kind != LIC_TARGET_PSNR;
}

/* In units of the error, so that the slope is 1 for an average picture. */
static double to_scale(const lic_target *t, double quality)
{
    return is_size(t) ? quality * (RATE_SLOPE - RATE_BEND * quality) : quality * PSNR_SLOPE;
}

static double from_scale(const lic_target *t, double u)
{
    double quality = u / PSNR_SLOPE;
    if (is_size(t)) {
        double root = RATE_SLOPE * RATE_SLOPE - 4 * RATE_BEND * u;
        quality = (RATE_SLOPE - sqrt(root > 0 ? root : 0)) / (2 * RATE_BEND);
    }
    return fmin(fmax(quality, 0), 100);
}

static double window(const lic_target *t)
{
    return is_size(t) ? -SIZE_WINDOW : PSNR_WINDOW;
}

/* ---- the search ---- */

void lic_target_begin(lic_target *target, lic_target_kind kind, double value, double pixels)
{
    *target = (lic_target){.kind = kind, .value = value, .pixels = pixels};
    if (kind == LIC_TARGET_BPP) {
        target->kind = LIC_TARGET_SIZE;
        target->value = floor(value * pixels / 8 * (1 + 1e-12)); /* 0.3 bpp may be 0.2999... */
    }
}

static double first_guess(const lic_target *t)
{
    double bpp = 8 * fmax(t->value, 1) / t->pixels;
    double off = is_size(t) ? log(bpp) - RATE_MIDDLE : t->value - PSNR_MIDDLE;
    return from_scale(t, to_scale(t, 50) + off);
}

/* The tries next to the aim: the highest below and the lowest above; NULL where there is none. */
static void find_neighbours(const lic_target *t, double aim, const lic_target_try **below,
                            const lic_target_try **above)
{
    *below = *above = NULL;
    for (int i = 0; i < t->n; i++) {
        const lic_target_try *a = &t->tries[i];
        if (a->error <= aim && (!*below || a->quality > (*below)->quality))
            *below = a;
        if (a->error > aim && (!*above || a->quality < (*above)->quality))
            *above = a;
    }
}

/* Slope of the error between the last two tries, within bounds for strange pictures. */
static double slope_so_far(const lic_target *t)
{
    if (t->n < 2)
        return 1;
    const lic_target_try *a = &t->tries[t->n - 2], *b = &t->tries[t->n - 1];
    double run = to_scale(t, b->quality) - to_scale(t, a->quality);
    double slope = run != 0 ? (b->error - a->error) / run : 1;
    return fmin(fmax(slope, 0.5), 2);
}

/* The first try that is neither of the two; NULL if there is none. */
static const lic_target_try *third(const lic_target *t, const lic_target_try *a,
                                   const lic_target_try *b)
{
    for (int i = t->n - 1; i >= 0; i--)
        if (&t->tries[i] != a && &t->tries[i] != b)
            return &t->tries[i];
    return NULL;
}

/* The scale as a polynomial of the error through both neighbours, and a third try if there is
 * one (Newton's divided differences). Never quite at an end of the bracket, which would teach
 * nothing. */
static double between(const lic_target *t, double aim, const lic_target_try *below,
                      const lic_target_try *above)
{
    const lic_target_try *c = third(t, below, above);
    double u0 = to_scale(t, below->quality), u1 = to_scale(t, above->quality);
    double e0 = below->error, e1 = above->error;
    double slope = (u1 - u0) / (e1 - e0), u = u0 + slope * (aim - e0);
    if (c && c->error != e0 && c->error != e1) {
        double slope_to_c = (to_scale(t, c->quality) - u1) / (c->error - e1);
        u += (slope_to_c - slope) / (c->error - e0) * (aim - e0) * (aim - e1);
    }
    double margin = 0.02 * (u1 - u0);
    return from_scale(t, fmin(fmax(u, u0 + margin), u1 - margin));
}

/* For a rising curve with tries on one side only. */
static double beyond(const lic_target *t, double aim, const lic_target_try *from)
{
    return from_scale(t, to_scale(t, from->quality) + (aim - from->error) / slope_so_far(t));
}

/* ---- pictures on which quality does not rise steadily ---- */

/* A picture whose ln of the rate is this far below the average is a drawing or a single colour. A
 * low quality may well serve it better than a higher one. */
#define FLAT_BELOW 3.0

static double expected_rate(const lic_target *t, double quality)
{
    const lic_target size = {.kind = LIC_TARGET_SIZE, .pixels = t->pixels};
    return RATE_MIDDLE + to_scale(&size, quality) - to_scale(&size, 50);
}

static bool is_flat(const lic_target *t)
{
    const lic_target_try *first = &t->tries[0];
    const double rate = log(8 * fmax((double)first->used, 1) / t->pixels);
    bool falls = false;
    for (int i = 0; i < t->n; i++)
        for (int j = 0; j < t->n; j++)
            falls |= t->tries[i].quality < t->tries[j].quality && t->tries[i].psnr > t->tries[j].psnr;
    return falls || rate < expected_rate(t, first->quality) - FLAT_BELOW;
}

static const lic_target_try *try_at(const lic_target *t, double quality)
{
    for (int i = 0; i < t->n; i++)
        if (fabs(t->tries[i].quality - quality) < 1e-3)
            return &t->tries[i];
    return NULL;
}

/* Tries the lowest quality first, which costs least. If that is not enough, halves between the
 * cheapest try that is and the next lower one that is not. */
static bool next_of_flat(const lic_target *t, double *quality)
{
    const lic_target_try *best = lic_target_best(t);
    double below = 0;
    *quality = !try_at(t, 0) ? 0 : 100;
    if (!best || !try_at(t, 0))
        return t->n < LIC_TARGET_MAX_TRIES && !try_at(t, *quality);
    for (int i = 0; i < t->n; i++)
        if (t->tries[i].quality < best->quality && t->tries[i].quality > below)
            below = t->tries[i].quality;
    *quality = (below + best->quality) / 2;
    return t->n < LIC_TARGET_MAX_TRIES && best->quality > below + 1;
}

bool lic_target_next(const lic_target *t, double *quality)
{
    const lic_target_try *below, *above, *best = lic_target_best(t);
    double aim = window(t) / 2;
    if (t->n == 0) {
        *quality = first_guess(t);
        return true;
    }
    if (!is_size(t) && is_flat(t))
        return next_of_flat(t, quality);
    if (t->n == LIC_TARGET_MAX_TRIES || (best && fabs(best->error) <= fabs(window(t))))
        return false;
    if (!best && t->n == LIC_TARGET_MAX_TRIES - 2)
        aim *= 4; /* two tries are left: better too far than not enough */
    find_neighbours(t, aim, &below, &above);
    if (!best && t->n == LIC_TARGET_MAX_TRIES - 1)
        *quality = is_size(t) ? 0 : 100;
    else if (below && above && below->quality < above->quality)
        *quality = between(t, aim, below, above);
    else
        *quality = beyond(t, aim, below ? below : above);
    return !try_at(t, *quality); /* an end of the scale, or nearly */
}

/* Nearer to what was asked for. Many files may reach a PSNR; the smaller one is better. */
static bool is_better(const lic_target *t, const lic_target_try *a, const lic_target_try *b)
{
    if (!is_size(t) && a->bytes != b->bytes)
        return a->bytes < b->bytes;
    return fabs(a->error) < fabs(b->error);
}

bool lic_target_add(lic_target *t, double quality, size_t bytes, size_t overhead, double psnr)
{
    const lic_target_try *before = lic_target_best(t);
    lic_target_try *a = &t->tries[t->n++];
    *a = (lic_target_try){
        .quality = quality, .bytes = bytes, .used = bytes - overhead, .psnr = psnr};
    if (is_size(t)) {
        double room = t->value - (double)overhead, used = (double)a->used;
        a->error = log(fmax(used, 1)) - log(fmax(room, 0.5));
        a->kept = (double)bytes <= t->value;
    } else {
        a->error = fmin(psnr, 1000) - t->value; /* equal pictures have no PSNR */
        a->kept = psnr >= t->value;
    }
    return a->kept && (!before || is_better(t, a, before));
}

const lic_target_try *lic_target_best(const lic_target *t)
{
    const lic_target_try *best = NULL;
    for (int i = 0; i < t->n; i++)
        if (t->tries[i].kept && (!best || is_better(t, &t->tries[i], best)))
            best = &t->tries[i];
    return best;
}

const lic_target_try *lic_target_limit(const lic_target *t)
{
    const lic_target_try *nearest = t->n ? &t->tries[0] : NULL;
    for (int i = 1; i < t->n; i++)
        if (fabs(t->tries[i].error) < fabs(nearest->error))
            nearest = &t->tries[i];
    return nearest;
}
