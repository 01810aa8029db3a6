/* test_bytes.c - the kernels of layers in integers, at every level: the rounding of positions and
 * the products of bytes, against plain loops that follow strict.h. Operands have exactly the sizes
 * that strict.h asks for, between guard pages. */
#include "tests/parity/parity.h"

enum { MAX_ROWS = 150, MAX_TAPS = 25, MAX_K = 400 };

typedef enum values { ORDINARY, HUGE_ONES, TINY_ONES, ZEROS, HOSTILE, N_VALUES } values;

typedef struct shape {
    int rows, taps, k, n;
    lic_act act;
    int bias, affine;
    values values;
} shape;

typedef struct problem {
    lic_gemm g;
    float *x[MAX_TAPS * MAX_ROWS];             /* what is rounded */
    const float *records[MAX_TAPS * MAX_ROWS]; /* of one level */
    float *out[MAX_ROWS];
    float *result;
    size_t result_floats;
} problem;

static float value_of(values kind)
{
    static const uint32_t hostile[] = {0x7FC00000u, 0xFFC00000u, 0x7F800000u, 0xFF800000u,
                                       0x7F7FFFFFu, 0x00000001u, 0x80000000u, 0xFF7FFFFFu};
    const uint32_t choice = test_random_below(24);
    switch (kind) {
    case HUGE_ONES:
        return random_float() * 3e38f;
    case TINY_ONES: /* below 1e-30, subnormal ones among them */
        return random_float() * (choice < 8 ? 1e-31f : 1e-40f);
    case ZEROS:
        return choice & 1 ? -0.0f : 0.0f;
    case HOSTILE:
        return choice < 8 ? from_bits(hostile[choice]) : random_value();
    default:
        return random_value();
    }
}

/* Halves are frequent where the largest value is 127: the rounding to even shows. */
static void fill_position(float *x, int k, values kind)
{
    const int halves = kind == ORDINARY && test_random_below(3) == 0;
    for (int c = 0; c < k; c++)
        x[c] = halves ? (float)test_random_below(255) * 0.5f - 63.5f : value_of(kind);
    if (halves)
        x[test_random_below((uint32_t)k)] = 127.0f;
}

static void make_rows(problem *p, const shape *s)
{
    const size_t n_in = (size_t)s->taps * (size_t)s->rows, n = (size_t)s->n;
    const size_t pitch = (size_t)s->k + test_random_below(4), out_pitch = n + test_random_below(20);
    float *x = operand((n_in - 1) * pitch + (size_t)s->k, random_side());
    for (size_t i = 0; i < n_in; i++) {
        p->x[i] = x + i * pitch;
        fill_position(p->x[i], s->k,
                      test_random_below(8) ? s->values : (values)test_random_below(N_VALUES));
    }
    p->result_floats = ((size_t)s->rows - 1) * out_pitch + n;
    p->result = operand(p->result_floats, random_side());
    for (size_t r = 0; r < (size_t)s->rows; r++)
        p->out[r] = p->result + r * out_pitch;
}

static size_t steps_of(const shape *s)
{
    return ((size_t)s->k + 3) / 4;
}

/* Weights of random bytes; what is beyond the channels and columns is zero. */
static void make_weights(problem *p, const shape *s)
{
    const size_t panels = round_up((size_t)s->n) / LIC_PANEL, steps = steps_of(s);
    const size_t blocks = panels * (size_t)s->taps;
    int8_t *w = (int8_t *)(void *)operand(blocks * steps * LIC_PANEL, random_side());
    int32_t *offsets = (int32_t *)(void *)operand(blocks * LIC_PANEL, random_side());
    const int largest = test_random_below(4) == 0;
    memset(offsets, 0, blocks * LIC_PANEL * sizeof *offsets);
    for (size_t i = 0; i < blocks * steps * 4 * LIC_PANEL; i++) {
        const size_t block = i / (steps * 4 * LIC_PANEL), column = i / 4 % LIC_PANEL;
        const size_t channel = i % (steps * 4 * LIC_PANEL) / (4 * LIC_PANEL) * 4 + i % 4;
        const size_t output = block / (size_t)s->taps * LIC_PANEL + column;
        const int there = channel < (size_t)s->k && output < (size_t)s->n;
        const int value = largest ? 127 : (int)test_random_below(255) - 127;
        w[i] = (int8_t)(there ? value : 0);
        offsets[block * LIC_PANEL + column] -= 128 * w[i];
    }
    p->g.bytes = w;
    p->g.offsets = offsets;
}

static void make_problem(problem *p, const shape *s)
{
    const size_t columns = round_up((size_t)s->n);
    p->g = (lic_gemm){.in = p->records,
                      .out = p->out,
                      .rows = s->rows,
                      .taps = s->taps,
                      .k = s->k,
                      .n = s->n,
                      .act = s->act};
    make_rows(p, s);
    make_weights(p, s);
    p->g.w_scale = random_operand(columns, random_side());
    p->g.bias = s->bias ? random_operand(columns, random_side()) : NULL;
    p->g.scale = s->affine ? random_operand(columns, random_side()) : NULL;
    p->g.shift = s->affine ? random_operand(columns, random_side()) : NULL;
}

/* ---- what strict.h says, one number at a time ---- */

static float largest_of(const float *x, int k)
{
    float m = 1e-30f;
    for (int c = 0; c < k; c++)
        m = fabsf(x[c]) > m ? fabsf(x[c]) : m;
    return m;
}

static int whole(float x, float inverse)
{
    float v = x * inverse;
    v = v > -127.0f ? v : -127.0f;
    v = v < 127.0f ? v : 127.0f;
    return (int)nearbyintf(v);
}

static int weight(const problem *p, int t, int c, int j)
{
    const lic_gemm *g = &p->g;
    const size_t steps = ((size_t)g->k + 3) / 4;
    const size_t block = (size_t)(j / LIC_PANEL) * (size_t)g->taps + (size_t)t;
    return g->bytes[(block * steps + (size_t)c / 4) * 4 * LIC_PANEL + (size_t)(j % LIC_PANEL) * 4 +
                    (size_t)c % 4];
}

/* The rounded position of one row for one tap, and the sums that it goes to. */
static void plain_tap(const problem *p, int t, int row, float *sums)
{
    static int q[MAX_K];
    const lic_gemm *g = &p->g;
    const float *x = p->x[t * g->rows + row], m = largest_of(x, g->k);
    for (int c = 0; c < g->k; c++)
        q[c] = whole(x[c], 127.0f / m);
    for (int j = 0; j < g->n; j++) {
        int32_t sum = 0;
        for (int c = 0; c < g->k; c++)
            sum += q[c] * weight(p, t, c, j);
        sums[j] = fmaf((float)sum, m / 127.0f, sums[j]);
    }
}

static void plain_gemm(const problem *p)
{
    const lic_gemm *g = &p->g;
    for (int row = 0; row < g->rows; row++) {
        float *out = g->out[row];
        for (int j = 0; j < g->n; j++)
            out[j] = 0.0f;
        for (int t = 0; t < g->taps; t++)
            plain_tap(p, t, row, out);
        for (int j = 0; j < g->n; j++)
            out[j] = fmaf(out[j], g->w_scale[j], g->bias ? g->bias[j] : 0.0f);
        lic_kernels_scalar.activate(out, (size_t)g->n, g->act);
        for (int j = 0; g->scale && j < g->n; j++)
            out[j] = fmaf(out[j], g->scale[j], out[j]) + g->shift[j];
    }
}

/* ---- comparison ---- */

/* Records in an operand of exactly their size. */
static void make_records(problem *p, const lic_kernels *k)
{
    const int n_in = p->g.taps * p->g.rows;
    const size_t floats = lic_record_floats(k->byte_size, p->g.k);
    const size_t pitch = floats + test_random_below(5);
    float *records = operand((size_t)(n_in - 1) * pitch + floats, random_side());
    k->round_bytes(records, pitch, (const float *const *)p->x, n_in, p->g.k);
    for (int i = 0; i < n_in; i++)
        p->records[i] = records + (size_t)i * pitch;
}

static void run(void *problem_, const lic_kernels *k)
{
    problem *p = problem_;
    if (k) {
        make_records(p, k);
        k->gemm_bytes(&p->g);
    } else {
        plain_gemm(p);
    }
}

static void compare(const shape *s)
{
    static problem p;
    NEW_CASE("bytes rows %d taps %d k %d n %d act %d bias %d affine %d values %d", s->rows, s->taps,
             s->k, s->n, (int)s->act, s->bias, s->affine, (int)s->values);
    make_problem(&p, s);
    compare_levels(run, &p, p.result, p.result_floats, check_bits_or_nan);
}

/* Every way that rows and columns can fall on the tiles of any level. */
TEST(bytes_edges_of_tiles)
{
    static const int columns[] = {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 80, 97};
    const int step = PARITY_SHARE > 1 ? 5 : 1;
    for (int rows = 1; rows <= 20; rows += step)
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
            const shape s = {
                rows, 1, 1 + (int)test_random_below(9), columns[i], LIC_ACT_NONE, 1, 0, ORDINARY};
            compare(&s);
        }
}

TEST(bytes_random_shapes)
{
    static const int taps[] = {1, 4, 9, 12, 25};
    for (int i = 0; i < 300 / PARITY_SHARE; i++) {
        shape s = {.taps = taps[test_random_below(5)]};
        s.rows = 1 + (int)test_random_below(s.taps > 4 ? 30 : MAX_ROWS);
        s.k = 1 + (int)test_random_below(s.taps > 4 ? 40 : MAX_K);
        s.n = 1 + (int)test_random_below(s.taps > 4 ? 70 : 130);
        s.act = (lic_act)test_random_below(5);
        s.bias = test_random_below(4) != 0;
        s.affine = test_random_below(3) == 0;
        s.values = (values)test_random_below(N_VALUES);
        compare(&s);
    }
}

/* With one weight of 1 and no bias the result is the rounded number itself, times its step: the
 * whole range, both ends and all halves. */
TEST(bytes_every_rounding)
{
    enum { K = 16, N_ROWS = 64 };
    static const shape s = {N_ROWS, 1, K, K, LIC_ACT_NONE, 0, 0, ORDINARY};
    static problem p;
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    NEW_CASE("bytes, every rounding");
    make_problem(&p, &s);
    for (int r = 0; r < N_ROWS; r++)
        for (int c = 0; c < K; c++)
            p.x[r][c] = c ? (float)(r * K + c) * 0.25f - 127.5f : 127.0f;
    int8_t *w = (int8_t *)(void *)operand(4 * LIC_PANEL, AT_END);
    int32_t *offsets = (int32_t *)(void *)operand(LIC_PANEL, AT_END);
    memset(w, 0, 16 * LIC_PANEL);
    for (int j = 0; j < K; j++) {
        w[j / 4 * 4 * LIC_PANEL + j * 4 + j % 4] = 1;
        offsets[j] = -128;
    }
    p.g.bytes = w;
    p.g.offsets = offsets;
    p.g.w_scale = even_operand(LIC_PANEL, AT_END);
    for (int j = 0; j < K; j++)
        ((float *)(uintptr_t)p.g.w_scale)[j] = 1.0f;
    for (int i = 0; i < n_levels; i++) {
        fill_result(p.result, p.result_floats);
        make_records(&p, levels[i].k);
        levels[i].k->gemm_bytes(&p.g);
        for (int r = 0; r < N_ROWS; r++)
            for (int j = 0; j < K; j++) {
                const float m = largest_of(p.x[r], K);
                const float want = (float)whole(p.x[r][j], 127.0f / m) * (m / 127.0f);
                CHECK(p.out[r][j] == want);
            }
    }
}

/* Long sums of the largest products, which would not fit in 16 bits nor saturate in 32. */
TEST(bytes_long_sums)
{
    enum { LONG = MAX_K };
    for (int i = 0; i < 4; i++) {
        const shape s = {.rows = 13, .taps = i & 1 ? 9 : 1, .k = LONG - i, .n = 49, .bias = 1};
        compare(&s);
    }
}

/* A record of zeros adds nothing, whatever the weights: so do taps outside of the picture. */
TEST(bytes_no_position)
{
    enum { K = 37, N = 33, N_ROWS = 9 };
    static const shape s = {N_ROWS, 9, K, N, LIC_ACT_NONE, 0, 0, ORDINARY};
    static problem p;
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    for (int i = 0; i < n_levels; i++) {
        NEW_CASE("bytes, no position");
        make_problem(&p, &s);
        make_records(&p, levels[i].k);
        const size_t floats = lic_record_floats(levels[i].k->byte_size, K);
        float *zeros = operand(floats, AT_END), *want = malloc(p.result_floats * sizeof *want);
        REQUIRE(want != NULL);
        memset(zeros, 0, floats * sizeof *zeros);
        for (int r = 0; r < N_ROWS; r++)
            for (int t = 0; t < 9; t++)
                if (t != r)
                    p.records[t * N_ROWS + r] = zeros;
        fill_result(p.result, p.result_floats);
        levels[i].k->gemm_bytes(&p.g);
        for (int r = 0; r < N_ROWS; r++) { /* only tap r is there */
            float sums[N] = {0};
            plain_tap(&p, r, r, sums);
            for (int j = 0; j < N; j++)
                want[j] = fmaf(sums[j], p.g.w_scale[j], 0.0f);
            check_bits(p.out[r], want, N, levels[i].name);
        }
        free(want);
    }
}
