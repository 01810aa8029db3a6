/* test_elementwise.c - the kernels that work element by element or row by row, of every level: sums
 * and products against plain C bit by bit, exp and the activations against the C library in double
 * precision, layer norm against double precision, all levels against each other. */
#include "tests/parity/parity.h"

enum { LIC_N_ACTS = LIC_ACT_SIGMOID + 1 };

static level levels[PARITY_LEVELS];
static int n_levels;

/* ---- sums and products ----------------------------------------------------------------------- */

/* Lengths around the vectors' and some longer ones. */
static size_t length_of(int i)
{
    return i < 70 ? (size_t)i + 1 : 70 + test_random_below(3000);
}

TEST(add_and_mul)
{
    n_levels = parity_levels(levels);
    for (int i = 0; i < 100; i++) {
        const size_t n = length_of(i);
        NEW_CASE("add and mul of %zu", n);
        const float *a = random_operand(n, random_side()), *b = random_operand(n, random_side());
        float *out = result_operand(n, random_side()), *sum = operand(n, AT_START);
        float *product = operand(n, AT_START);
        for (size_t j = 0; j < n; j++) {
            sum[j] = a[j] + b[j];
            product[j] = a[j] * b[j];
        }
        for (int l = 0; l < n_levels; l++) {
            levels[l].k->add(out, a, b, n);
            check_bits(out, sum, n, levels[l].name);
            levels[l].k->mul(out, a, b, n);
            check_bits(out, product, n, levels[l].name);
        }
    }
}

/* Layers add and multiply in place, as strict.h allows. */
TEST(add_and_mul_in_place)
{
    n_levels = parity_levels(levels);
    for (int l = 0; l < n_levels; l++) {
        NEW_CASE("in place");
        float *a = random_operand(77, AT_END), *b = random_operand(77, SHIFTED);
        float *sum = operand(77, AT_START);
        for (size_t j = 0; j < 77; j++)
            sum[j] = (a[j] + b[j]) * b[j];
        levels[l].k->add(a, a, b, 77);
        levels[l].k->mul(a, a, b, 77);
        check_bits(a, sum, 77, levels[l].name);
    }
}

/* IEEE binary16 by its definition: sign, 5 bits of exponent, 10 of fraction. */
static float half_by_definition(unsigned h)
{
    const int exponent = (int)(h >> 10 & 31), fraction = (int)(h & 1023);
    const float size =
        exponent ? ldexpf((float)(1024 + fraction), exponent - 25) : ldexpf((float)fraction, -24);
    return h >> 15 ? -size : size;
}

/* All finite numbers, from every place in a vector, and no more of them than asked for. */
TEST(widen)
{
    static uint16_t all[65536];
    static float want[65536];
    size_t n = 0;
    n_levels = parity_levels(levels);
    for (unsigned h = 0; h < 65536; h++)
        if ((h & 0x7C00) != 0x7C00) {
            all[n] = (uint16_t)h;
            want[n++] = half_by_definition(h);
        }
    for (int i = 0; i < 40; i++) {
        const size_t first = i ? test_random_below((uint32_t)n) : 0;
        const size_t count = i ? 1 + test_random_below(i % 2 ? 40 : (uint32_t)(n - first)) : n;
        const size_t some = count < n - first ? count : n - first;
        NEW_CASE("widen %zu from %zu", some, first);
        uint16_t *x = (uint16_t *)(void *)operand((some + 1) / 2, random_side());
        float *out = result_operand(some, random_side());
        memcpy(x, all + first, some * sizeof *x);
        for (int l = 0; l < n_levels; l++) {
            fill_result(out, some);
            levels[l].k->widen(out, x, some);
            check_bits(out, want + first, some, levels[l].name);
        }
    }
}

TEST(gate)
{
    n_levels = parity_levels(levels);
    for (int c = 1; c <= 70; c++) {
        const size_t n = (size_t)c;
        NEW_CASE("gate of %d", c);
        const float *a = random_operand(n, random_side()), *d = random_operand(n, random_side());
        const float *m = random_operand(n, random_side()), s = random_float();
        float *out = result_operand(n, random_side()), *want = operand(n, AT_START);
        for (size_t j = 0; j < n; j++)
            want[j] = fmaf(d[j], m[j], a[j] * s);
        for (int l = 0; l < n_levels; l++) {
            levels[l].k->gate(out, a, d, s, m, c);
            check_bits(out, want, n, levels[l].name);
        }
    }
}

TEST(blend4)
{
    n_levels = parity_levels(levels);
    for (int c = 1; c <= 70; c++) {
        const size_t n = (size_t)c;
        NEW_CASE("blend4 of %d", c);
        const float *p[4], w[4] = {random_float(), random_float(), random_float(), random_float()};
        for (int j = 0; j < 4; j++) /* samples at the border coincide */
            p[j] = j && !test_random_below(4) ? p[j - 1] : random_operand(n, random_side());
        float *out = result_operand(n, random_side()), *want = operand(n, AT_START);
        for (size_t j = 0; j < n; j++)
            want[j] = fmaf(p[3][j], w[3], fmaf(p[2][j], w[2], fmaf(p[1][j], w[1], p[0][j] * w[0])));
        for (int l = 0; l < n_levels; l++) {
            levels[l].k->blend4(out, p, w, c);
            check_bits(out, want, n, levels[l].name);
        }
    }
}

TEST(sum_rows)
{
    n_levels = parity_levels(levels);
    for (int i = 0; i < 100; i++) {
        const int c = 1 + (int)test_random_below(70), rows = (int)test_random_below(20);
        const size_t n = (size_t)c, pitch = n + test_random_below(9);
        NEW_CASE("sum_rows of %d x %d", rows, c);
        const size_t n_x = rows ? (size_t)(rows - 1) * pitch + n : 0;
        const float *x = random_operand(n_x, random_side()), *start = random_operand(n, AT_START);
        float *acc = operand(n, random_side()), *want = operand(n, AT_START);
        for (size_t j = 0; j < n; j++) {
            want[j] = start[j];
            for (int r = 0; r < rows; r++)
                want[j] = want[j] + x[(size_t)r * pitch + j];
        }
        for (int l = 0; l < n_levels; l++) {
            memcpy(acc, start, n * sizeof *acc);
            levels[l].k->sum_rows(acc, x, pitch, rows, c);
            check_bits(acc, want, n, levels[l].name);
        }
    }
}

/* ---- layer norm ------------------------------------------------------------------------------ */

typedef struct norm_case {
    const float *x[64], *skip[64], *t, *gain, *bias;
    float *out[64], *result;
    size_t t_pitch, n_result;
    int rows, c, with_skip;
} norm_case;

static void make_norm(norm_case *n, int in_place)
{
    n->rows = 1 + (int)test_random_below(64);
    n->c = 1 + (int)test_random_below(100);
    n->with_skip = (int)test_random_below(2);
    const size_t c = (size_t)n->c, rows = (size_t)n->rows, pitch = c + test_random_below(9);
    n->t_pitch = c + test_random_below(9);
    n->n_result = (rows - 1) * pitch + c;
    n->t = even_operand((rows - 1) * n->t_pitch + c, random_side());
    n->gain = even_operand(round_up(c), random_side());
    n->bias = even_operand(round_up(c), random_side());
    n->result = operand(n->n_result, random_side());
    const float *x = even_operand(n->n_result, random_side());
    const float *skip = even_operand(n->n_result, random_side());
    for (size_t r = 0; r < rows; r++) {
        n->out[r] = n->result + (rows - 1 - r) * pitch; /* any order */
        n->x[r] = in_place ? n->out[r] : x + r * pitch;
        n->skip[r] = skip + r * pitch;
    }
}

static void exact_norm(const norm_case *n, int row, double *out)
{
    const float *t = n->t + (size_t)row * n->t_pitch;
    double mean = 0, variance = 0;
    for (int i = 0; i < n->c; i++)
        mean += (double)t[i] / n->c;
    for (int i = 0; i < n->c; i++)
        variance += ((double)t[i] - mean) * ((double)t[i] - mean) / n->c;
    for (int i = 0; i < n->c; i++) {
        out[i] = ((double)t[i] - mean) / sqrt(variance + 1e-5) * (double)n->gain[i];
        out[i] += (double)n->bias[i] + (double)n->x[row][i];
        out[i] += n->with_skip ? (double)n->skip[row][i] : 0.0;
    }
}

static void run_norm(const norm_case *n, const lic_kernels *k, int in_place)
{
    fill_result(n->result, n->n_result);
    for (int r = 0; in_place && r < n->rows; r++)
        for (int i = 0; i < n->c; i++)
            n->out[r][i] = n->skip[r][i] * 0.5f;
    k->layer_norm_add(n->out, n->x, n->with_skip ? n->skip : NULL, n->t, n->t_pitch, n->gain,
                      n->bias, n->rows, n->c);
}

/* Every level gives the bits of the plain one, which is near the exact norm. */
static void check_norm(int in_place)
{
    static norm_case n;
    NEW_CASE("layer norm");
    make_norm(&n, in_place);
    snprintf(parity_case, sizeof parity_case, "layer norm of %d x %d, skip %d", n.rows, n.c,
             n.with_skip);
    float *want = malloc(n.n_result * sizeof *want);
    REQUIRE(want != NULL);
    for (int l = 0; l < n_levels; l++) {
        run_norm(&n, levels[l].k, in_place);
        if (l == 0)
            memcpy(want, n.result, n.n_result * sizeof *want);
        check_bits(n.result, want, n.n_result, levels[l].name);
    }
    for (int r = 0; r < n.rows && !in_place; r++) {
        double exact[100];
        exact_norm(&n, r, exact);
        check_near(n.out[r], exact, (size_t)n.c, 1e-5);
    }
    free(want);
}

TEST(layer_norm_add)
{
    n_levels = parity_levels(levels);
    for (int i = 0; i < 200 / PARITY_SHARE; i++)
        check_norm(0);
}

/* out[r] may be x[r]. */
TEST(layer_norm_add_in_place)
{
    n_levels = parity_levels(levels);
    for (int i = 0; i < 40 / PARITY_SHARE; i++) {
        static norm_case n;
        check_norm(1);
        NEW_CASE("layer norm in place");
        make_norm(&n, 0);
        float *apart = malloc(n.n_result * sizeof *apart);
        REQUIRE(apart != NULL);
        run_norm(&n, levels[0].k, 0);
        memcpy(apart, n.result, n.n_result * sizeof *apart);
        for (int r = 0; r < n.rows; r++) {
            memcpy(n.out[r], n.x[r], (size_t)n.c * sizeof(float));
            n.x[r] = n.out[r];
        }
        levels[0].k->layer_norm_add(n.out, n.x, n.with_skip ? n.skip : NULL, n.t, n.t_pitch, n.gain,
                                    n.bias, n.rows, n.c);
        check_bits(n.result, apart, n.n_result, levels[0].name);
        free(apart);
    }
}

/* Rows of one value have no variance: eps keeps them finite. */
TEST(layer_norm_of_a_constant)
{
    n_levels = parity_levels(levels);
    NEW_CASE("layer norm of a constant");
    const float t[3] = {7.0f, 7.0f, 7.0f}, x[3] = {1.0f, 2.0f, 3.0f}, *in = x;
    const float ones[LIC_PANEL] = {1.0f, 1.0f, 1.0f}, none[LIC_PANEL] = {0};
    for (int l = 0; l < n_levels; l++) {
        float result[3], *out = result;
        levels[l].k->layer_norm_add(&out, &in, NULL, t, 3, ones, none, 1, 3);
        check_bits(result, x, 3, levels[l].name);
    }
}

/* ---- exp and activations --------------------------------------------------------------------- */

/* In double precision, by libm. */
static double exact_act(lic_act act, double x)
{
    switch (act) {
    case LIC_ACT_LEAKY:
        return x > 0 ? x : 0.1 * x;
    case LIC_ACT_GELU:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case LIC_ACT_TANH:
        return tanh(x);
    case LIC_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    default:
        return x;
    }
}

/* Steps through the floats of -limit .. limit by their bits: as many small ones as large ones. */
enum { SWEEP = 4096 };
static int sweep(float *x, uint32_t *at, uint32_t step, float limit)
{
    int n = 0;
    for (; n < SWEEP && *at <= to_bits(limit); *at += step) {
        x[n++] = from_bits(*at);
        x[n++] = -from_bits(*at);
    }
    return n;
}

/* Relative error of exp within -87..88, where neither overflow nor subnormals come in. */
TEST(exp_within_3e_7)
{
    static float x[SWEEP], y[SWEEP];
    double worst = 0;
    uint32_t at = 0;
    for (int n; (n = sweep(x, &at, 4099 * PARITY_SHARE, 87.0f)) > 0;) {
        memcpy(y, x, sizeof y);
        lic_kernels_scalar.exp(y, (size_t)n);
        for (int i = 0; i < n; i++)
            worst = fmax(worst, fabs((double)y[i] / exp((double)x[i]) - 1));
    }
    printf("exp: relative error at most %.3g\n", worst);
    CHECK(worst < 3e-7);
}

/* Beyond, exp holds its argument at the ends: no infinity, no zero. */
TEST(exp_is_held_within_its_range)
{
    static const float ends[] = {-87.0f, -88.0f, -1e30f, -INFINITY, 88.0f, 89.0f, 1e30f, INFINITY};
    n_levels = parity_levels(levels);
    for (int l = 0; l < n_levels; l++) {
        float y[8];
        memcpy(y, ends, sizeof y);
        levels[l].k->exp(y, 8);
        for (int i = 0; i < 8; i++)
            CHECK(to_bits(y[i]) == to_bits(y[i < 4 ? 0 : 4]) && y[i] > 0 && y[i] < INFINITY);
    }
}

/* Absolute error, which is what the networks see; GELU's grows with its argument. */
TEST(activations_within_3e_7)
{
    static float x[SWEEP], y[SWEEP];
    for (int act = 0; act < LIC_N_ACTS; act++) {
        double worst = 0;
        uint32_t at = 0;
        for (int n; (n = sweep(x, &at, 16411 * PARITY_SHARE, 50.0f)) > 0;) {
            memcpy(y, x, sizeof y);
            lic_kernels_scalar.activate(y, (size_t)n, (lic_act)act);
            for (int i = 0; i < n; i++) {
                const double exact = exact_act((lic_act)act, (double)x[i]);
                const double size = fmax(1.0, fabs((double)x[i]));
                worst = fmax(worst, fabs((double)y[i] - exact) / size);
            }
        }
        printf("activation %d: error at most %.3g\n", act, worst);
        CHECK(worst < 3e-7);
    }
}

/* Every level the same bits, at any length and address. */
TEST(activations_of_all_levels)
{
    n_levels = parity_levels(levels);
    for (int i = 0; i < 120; i++) {
        const size_t n = length_of(i);
        const int act = i % (LIC_N_ACTS + 1); /* the last stands for exp */
        NEW_CASE("activation %d of %zu", act, n);
        const float *x = random_operand(n, random_side());
        float *y = operand(n, random_side()), *want = operand(n, AT_START);
        for (int l = 0; l < n_levels; l++) {
            memcpy(y, x, n * sizeof *y);
            if (act == LIC_N_ACTS)
                levels[l].k->exp(y, n);
            else
                levels[l].k->activate(y, n, (lic_act)act);
            if (l == 0)
                memcpy(want, y, n * sizeof *y);
            check_bits(y, want, n, levels[l].name);
        }
    }
}

/* A long sweep of bit patterns through exp and the activations. */
TEST(activations_of_all_levels_over_all_sizes)
{
    static float x[SWEEP], want[SWEEP], y[SWEEP];
    n_levels = parity_levels(levels);
    for (int act = LIC_ACT_GELU; act <= LIC_N_ACTS; act++) {
        uint32_t at = 1;
        NEW_CASE("activation %d over all sizes", act);
        for (int n; (n = sweep(x, &at, 65537 * PARITY_SHARE, 3e38f)) > 0;)
            for (int l = 0; l < n_levels; l++) {
                memcpy(y, x, sizeof y);
                if (act == LIC_N_ACTS)
                    levels[l].k->exp(y, (size_t)n);
                else
                    levels[l].k->activate(y, (size_t)n, (lic_act)act);
                if (l == 0)
                    memcpy(want, y, sizeof y);
                check_bits_or_nan(y, want, (size_t)n, levels[l].name);
            }
    }
}
