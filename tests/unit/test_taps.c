/* The linear predictors of all planes at once: sums and steps as one plane alone has them, which
 * looks at its own neighbours and at those of the planes before. */
#include "entropy/taps.h"
#include "tests/test.h"

enum { OWN = 6, NEAR = 4, MOST_INPUTS = OWN + 2 * (NEAR + 1) };

/* Neighbours in the order W, N, NW, NE, WW, NN. */
typedef struct picture {
    int32_t around[LIC_PLANE_LANES][OWN], base[LIC_PLANE_LANES], here[LIC_PLANE_LANES];
    int32_t others[LIC_PLANE_LANES];
    int shift;
} picture;

/* Inputs of one plane: its own neighbours, then of each plane before the near ones and the sample
 * here. Returns how many. */
static int inputs_of(const picture *p, int plane, int32_t *d)
{
    int n = 0;
    for (int k = 0; k < OWN; k++)
        d[n++] = (p->around[plane][k] - p->base[plane]) >> p->shift;
    for (int i = plane - 1; p->others[plane] && i >= 0; i--) {
        for (int k = 0; k < NEAR; k++)
            d[n++] = (p->around[i][k] - p->base[i]) >> p->shift;
        d[n++] = p->here[i];
    }
    return n;
}

/* The taps of one plane, in the order of its inputs. */
static void taps_of(const lic_taps *t, int plane, bool others, const int32_t *at[MOST_INPUTS])
{
    int n = 0;
    for (int i = 0; i < LIC_PAIRS_OWN; i++)
        for (int k = 0; k < 2; k++)
            at[n++] = (const int32_t *)&t->of[i][k] + plane;
    for (int before = 1; others && before <= plane; before++) {
        const int lane = before == 2 ? 0 : plane;
        for (int i = LIC_PAIRS_OTHERS; i < LIC_PAIR_HERE; i++)
            for (int k = 0; k < 2; k++)
                at[n++] = (const int32_t *)&t->of[i][k] + lane;
        at[n++] = (const int32_t *)&t->of[LIC_PAIR_HERE][before - 1] + plane;
    }
}

static picture random_picture(int depth, int n_colours)
{
    picture p = {.shift = depth > 11 ? depth - 11 : 0};
    const uint32_t top = (1u << depth) - 1;
    for (int i = 0; i < LIC_PLANE_LANES; i++) {
        const bool flat = test_random_below(4) == 0;
        const int32_t low = i > 0 && i < n_colours ? -(int32_t)top : 0;
        for (int k = 0; k < OWN; k++)
            p.around[i][k] =
                flat && k > 0
                    ? p.around[i][0]
                    : low + (int32_t)test_random_below((uint32_t)((int32_t)top - low) + 1);
        p.base[i] = (p.around[i][0] + p.around[i][1]) >> 1;
        p.here[i] = (p.around[i][test_random_below(OWN)] - p.base[i]) >> p.shift;
        p.others[i] = -(i > 0 && i < n_colours);
    }
    return p;
}

static lic_lanes lanes(const picture *p, int k)
{
    return (lic_lanes){p->around[0][k], p->around[1][k], p->around[2][k], p->around[3][k]};
}

static void gather(const picture *p, lic_lanes inputs[LIC_PAIRS])
{
    const lic_around around = {lanes(p, 0), lanes(p, 1), lanes(p, 2),
                               lanes(p, 3), lanes(p, 4), lanes(p, 5)};
    const lic_lanes here = lic_lanes_of(p->here), others = lic_lanes_of(p->others);
    lic_taps_gather(&around, lic_lanes_of(p->base), p->shift, inputs);
    lic_taps_gather_others(others, inputs);
    inputs[LIC_PAIR_HERE] = lic_pairs(lic_lanes_before(here), lic_lanes_two_before(here)) & others;
}

/* Without the samples here, which the sums leave out. */
static void check_sums(const picture *p, const lic_taps *t, const lic_lanes inputs[LIC_PAIRS])
{
    const lic_lanes others = lic_lanes_of(p->others);
    const lic_lanes product =
        lic_taps_product(t, inputs) + lic_taps_product_others(t, inputs, others);
    const lic_lanes norm = lic_taps_norm(inputs) + lic_taps_norm_others(inputs, others);
    for (int i = 0; i < LIC_PLANE_LANES; i++) {
        int32_t d[MOST_INPUTS], sum = 0, squares = 0;
        const int32_t *taps[MOST_INPUTS];
        const int n = inputs_of(p, i, d);
        taps_of(t, i, p->others[i], taps);
        for (int k = 0; k < n; k++)
            if (k < OWN || (k - OWN) % (NEAR + 1) < NEAR) {
                sum += d[k] * (*taps[k] >> 3);
                squares += d[k] * d[k];
            }
        CHECK_EQ_INT(product[i], sum);
        CHECK_EQ_INT(norm[i], squares);
    }
}

/* The largest step that a predictor takes for a miss, or a part of it. */
static int32_t random_step(const int32_t *d, int n)
{
    int32_t norm = 64;
    for (int k = 0; k < n; k++)
        norm += d[k] * d[k];
    const int32_t most = 2048 * (1 << 17) / norm;
    return (int32_t)test_random_below((uint32_t)(2 * most + 1)) - most;
}

static int check_learning(const picture *p, lic_taps *t, const lic_lanes inputs[LIC_PAIRS],
                          bool looks)
{
    int32_t step[LIC_PLANE_LANES], expected[LIC_PLANE_LANES][MOST_INPUTS];
    const int32_t *taps[MOST_INPUTS];
    int held = 0;
    for (int i = 0; i < LIC_PLANE_LANES; i++) {
        int32_t d[MOST_INPUTS];
        const int n = inputs_of(p, i, d);
        step[i] = random_step(d, n);
        taps_of(t, i, p->others[i], taps);
        for (int k = 0; k < n; k++) {
            const int32_t to = *taps[k] + ((step[i] * d[k]) >> 8);
            expected[i][k] = to > LIC_TAP_MOST    ? LIC_TAP_MOST
                             : to < -LIC_TAP_MOST ? -LIC_TAP_MOST
                                                  : to;
            held += to != expected[i][k];
        }
    }
    lic_taps_learn(t, inputs, lic_lanes_of(step), looks);
    for (int i = 0; i < LIC_PLANE_LANES; i++) {
        int32_t d[MOST_INPUTS];
        const int n = inputs_of(p, i, d);
        taps_of(t, i, p->others[i], taps);
        for (int k = 0; k < n; k++)
            CHECK_EQ_INT(*taps[k], expected[i][k]);
    }
    for (int i = 0; i < LIC_PAIRS; i++)
        for (int k = 0; k < LIC_PLANE_LANES; k++) {
            CHECK_EQ_INT(lic_pairs_first(t->high[i])[k], t->of[i][0][k] >> 3);
            CHECK_EQ_INT(lic_pairs_second(t->high[i])[k], t->of[i][1][k] >> 3);
        }
    return held;
}

/* Anything that they may be, the ends of their range often. */
static void set_taps(lic_taps *t)
{
    for (int i = 0; i < LIC_PAIRS; i++)
        for (int k = 0; k < 2; k++)
            for (int lane = 0; lane < LIC_PLANE_LANES; lane++)
                t->of[i][k][lane] =
                    (int32_t)test_random_below(3 * LIC_TAP_MOST) - 3 * LIC_TAP_MOST / 2;
    lic_taps_hold(t);
}

/* Grey, colours and alpha, in both depths; some taps leave their range and are held. */
TEST(planes_are_as_one_alone)
{
    int held = 0;
    for (int n_colours = 1; n_colours <= 3; n_colours++)
        for (int depth = 8; depth <= 16; depth += 8) {
            lic_taps t;
            for (int turn = 0; turn < 1000; turn++) {
                const picture p = random_picture(depth, n_colours);
                lic_lanes inputs[LIC_PAIRS];
                if (turn % 4 == 0)
                    set_taps(&t);
                gather(&p, inputs);
                check_sums(&p, &t, inputs);
                held += check_learning(&p, &t, inputs, n_colours > 1);
            }
        }
    CHECK(held > 1000);
}

TEST(lanes_are_numbers)
{
    static const int32_t values[] = {INT32_MIN + 1, -65536, -1, 0, 1, 7, 65535, INT32_MAX};
    enum { N = sizeof values / sizeof values[0] };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            const int32_t a = values[i], b = values[k];
            const int32_t v[LIC_PLANE_LANES] = {a, b, a, b}, w[LIC_PLANE_LANES] = {b, a, a, b};
            const lic_lanes x = lic_lanes_of(v), y = lic_lanes_of(w);
            for (int j = 0; j < LIC_PLANE_LANES; j++) {
                CHECK_EQ_INT(lic_lanes_smaller(x, y)[j], v[j] < w[j] ? v[j] : w[j]);
                CHECK_EQ_INT(lic_lanes_larger(x, y)[j], v[j] > w[j] ? v[j] : w[j]);
                CHECK_EQ_INT(lic_lanes_size(x)[j], v[j] < 0 ? -v[j] : v[j]);
                CHECK_EQ_INT(lic_lanes_before(x)[j], j > 0 ? v[j - 1] : 0);
                CHECK_EQ_INT(lic_lanes_two_before(x)[j], j > 1 ? v[j - 2] : 0);
            }
        }
}
