/* test_attention.c - the attention kernel: every level the same bits, and within 1e-5 of attention
 * computed in double precision, for windows (cosine, bias, mask) and for AG (plain), with strided
 * operands between guard pages. */
#include "tests/parity/parity.h"

typedef struct shape {
    int nq, nk, d, cosine, bias, mask;
    float scale;
} shape;

static size_t strided(int rows, size_t pitch, size_t last)
{
    return ((size_t)rows - 1) * pitch + last;
}

static void make_problem(lic_attention *a, const shape *s)
{
    const size_t d = (size_t)s->d, table = (size_t)(s->nq * s->nk);
    *a = (lic_attention){
        .scale = s->scale, .nq = s->nq, .nk = s->nk, .d = s->d, .cosine = s->cosine != 0};
    a->q_pitch = d + test_random_below(20);
    a->kv_pitch = d + test_random_below(20);
    a->out_pitch = d + test_random_below(20);
    a->q = even_operand(strided(s->nq, a->q_pitch, d), random_side());
    a->k = even_operand(strided(s->nk, a->kv_pitch, d), random_side());
    a->v = even_operand(strided(s->nk, a->kv_pitch, round_up(d)), random_side());
    a->out = operand(strided(s->nq, a->out_pitch, d), random_side());
    a->bias = s->bias ? even_operand(table, random_side()) : NULL;
    if (s->mask) { /* as the shifted windows have it */
        float *mask = operand(table, random_side());
        for (size_t i = 0; i < table; i++)
            mask[i] = test_random_below(3) ? 0.0f : -100.0f;
        a->mask = mask;
    }
    a->scratch = operand(lic_attention_scratch(s->nq, s->nk, s->d), random_side());
}

static double norm(const float *x, int d)
{
    double sum = 0;
    for (int c = 0; c < d; c++)
        sum += (double)x[c] * (double)x[c];
    return fmax(sqrt(sum), 1e-6);
}

static double score(const lic_attention *a, int i, int j)
{
    const float *q = a->q + (size_t)i * a->q_pitch, *k = a->k + (size_t)j * a->kv_pitch;
    const int at = i * a->nk + j;
    double sum = 0;
    for (int c = 0; c < a->d; c++)
        sum += (double)q[c] * (double)k[c];
    sum *= a->cosine ? (double)a->scale / (norm(q, a->d) * norm(k, a->d)) : 1.0 / sqrt(a->d);
    return sum + (a->bias ? (double)a->bias[at] : 0.0) + (a->mask ? (double)a->mask[at] : 0.0);
}

static void exact_row(const lic_attention *a, int i, double *out)
{
    double e[64], top = -INFINITY, sum = 0;
    for (int j = 0; j < a->nk; j++) {
        e[j] = score(a, i, j);
        top = fmax(top, e[j]);
    }
    for (int j = 0; j < a->nk; j++)
        sum += e[j] = exp(e[j] - top);
    for (int c = 0; c < a->d; c++) {
        out[c] = 0;
        for (int j = 0; j < a->nk; j++)
            out[c] += e[j] / sum * (double)a->v[(size_t)j * a->kv_pitch + (size_t)c];
    }
}

/* Against double precision, all rows at once: the bound is for the layer, not for its smallest row.
 */
static void check_exact(const lic_attention *a, double bound)
{
    static double want[64 * 64];
    static float got[64 * 64];
    for (int i = 0; i < a->nq; i++) {
        exact_row(a, i, want + i * a->d);
        memcpy(got + i * a->d, a->out + (size_t)i * a->out_pitch, (size_t)a->d * sizeof *got);
    }
    check_near(got, want, (size_t)(a->nq * a->d), bound);
}

/* Every level gives the bits of the plain one, which is near exact attention. */
static void compare(const shape *s, double bound)
{
    lic_attention a;
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    NEW_CASE("attention nq %d nk %d d %d cosine %d bias %d mask %d", s->nq, s->nk, s->d, s->cosine,
             s->bias, s->mask);
    make_problem(&a, s);
    const size_t n = strided(s->nq, a.out_pitch, (size_t)s->d);
    const size_t n_scratch = lic_attention_scratch(s->nq, s->nk, s->d);
    float *want = malloc(n * sizeof *want);
    REQUIRE(want != NULL);
    for (int i = 0; i < n_levels; i++) {
        fill_result(a.out, n);
        fill_result(a.scratch, n_scratch); /* NaN: nothing of it may count */
        levels[i].k->attention(&a);
        if (i == 0) {
            memcpy(want, a.out, n * sizeof *want);
            check_exact(&a, bound);
        } else {
            check_bits(a.out, want, n, levels[i].name);
        }
    }
    for (size_t i = 0; i + 1 < (size_t)s->nq; i++) /* the gaps between rows */
        for (size_t c = (size_t)s->d; c < a.out_pitch; c++)
            CHECK(to_bits(want[i * a.out_pitch + c]) == 0x7FA5A5A5u);
    free(want);
}

TEST(attention_random_shapes)
{
    for (int i = 0; i < 300 / PARITY_SHARE; i++) {
        shape s = {.nq = 1 + (int)test_random_below(64),
                   .nk = 16 * (1 + (int)test_random_below(4))};
        s.d = 1 + (int)test_random_below(40);
        s.cosine = (int)test_random_below(2);
        s.bias = (int)test_random_below(2);
        s.mask = (int)test_random_below(2);
        s.scale = 1.0f + 9.0f * (random_float() + 1.0f);
        compare(&s, 1e-5);
    }
}

/* The shapes of real networks: whole windows, heads of 32, and the rows of AG. */
TEST(attention_of_windows)
{
    for (int mask = 0; mask < 2; mask++) {
        const shape window = {64, 64, 32, 1, 1, mask, 10.0f}, row = {48, 64, 16, 0, 0, mask, 0.0f};
        compare(&window, 1e-5);
        compare(&row, 1e-5);
    }
}

/* The sharpest heads that SwinV2 allows: scores up to 100, whose exponentials overflow binary32
 * unless the largest score is taken off. The scores themselves are exact to 1e-5. */
TEST(attention_of_sharp_heads)
{
    for (int i = 0; i < 10; i++) {
        const shape s = {64, 64, 8 + i, 1, i % 2, 0, 100.0f};
        compare(&s, 1e-4);
    }
}

/* Rows of zeros: the norm is held at 1e-6, so nothing divides by zero. */
TEST(attention_zero_rows)
{
    lic_attention a;
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    const shape s = {.nq = 5, .nk = 16, .d = 7, .cosine = 1, .scale = 10.0f};
    NEW_CASE("attention with rows of zeros");
    make_problem(&a, &s);
    memset((void *)(uintptr_t)a.q, 0, strided(s.nq, a.q_pitch, 7) * sizeof(float));
    memset((void *)(uintptr_t)a.k, 0, strided(s.nk, a.kv_pitch, 7) * sizeof(float));
    for (int i = 0; i < n_levels; i++) {
        levels[i].k->attention(&a);
        check_exact(&a, 1e-5);
    }
}
