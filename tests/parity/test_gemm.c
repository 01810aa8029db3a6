/* test_gemm.c - the matrix kernel of every level against a plain loop: one chain of fma per output,
 * taps and then channels ascending. Operands have exactly the sizes that strict.h asks for, between
 * guard pages; rows are strided, repeated and out of order. */
#include "tests/parity/parity.h"

enum { MAX_ROWS = 64, MAX_TAPS = 25 };

typedef struct problem {
    lic_gemm g;
    const float *in[MAX_TAPS * MAX_ROWS];
    float *out[MAX_ROWS];
    float *result; /* what `out` points into */
    size_t result_floats;
} problem;

typedef struct shape {
    int rows, taps, k, n;
    lic_act act;
    int bias, affine, panels; /* there or not; weights in panels, or side by side as in attention */
} shape;

/* Rows lie in one block, the last one ends it; each pointer may be any of them. */
static void make_rows(problem *p, const shape *s)
{
    const size_t n_in = (size_t)s->taps * (size_t)s->rows, k = (size_t)s->k, n = (size_t)s->n;
    const size_t in_pitch = k + test_random_below(4), out_pitch = n + test_random_below(20);
    const float *in = random_operand((n_in - 1) * in_pitch + k, random_side());
    p->result_floats = ((size_t)s->rows - 1) * out_pitch + n;
    p->result = operand(p->result_floats, random_side());
    for (size_t i = 0; i < n_in; i++)
        p->in[i] = in + test_random_below((uint32_t)n_in) * in_pitch;
    const uint32_t first = test_random_below((uint32_t)s->rows);
    for (uint32_t r = 0; r < (uint32_t)s->rows; r++)
        p->out[r] = p->result + (r + first) % (uint32_t)s->rows * out_pitch;
}

/* Random operands of this shape, each at a guard page. */
static void make_problem(problem *p, const shape *s)
{
    const size_t inputs = (size_t)s->taps * (size_t)s->k, columns = round_up((size_t)s->n);
    const size_t apart = test_random_below(3) ? 0 : test_random_below(5);
    make_rows(p, s);
    p->g = (lic_gemm){.in = p->in,
                      .out = p->out,
                      .rows = s->rows,
                      .taps = s->taps,
                      .k = s->k,
                      .n = s->n,
                      .act = s->act};
    p->g.w_pitch = s->panels ? LIC_PANEL + apart : columns + apart;
    p->g.panel_pitch = s->panels ? inputs * p->g.w_pitch + apart : LIC_PANEL;
    const size_t last = (columns / LIC_PANEL - 1) * p->g.panel_pitch;
    p->g.w = random_operand(last + (inputs - 1) * p->g.w_pitch + LIC_PANEL, random_side());
    p->g.bias = s->bias ? random_operand(columns, random_side()) : NULL;
    p->g.scale = s->affine ? random_operand(columns, random_side()) : NULL;
    p->g.shift = s->affine ? random_operand(columns, random_side()) : NULL;
}

static float plain_sum(const lic_gemm *g, int row, int j)
{
    const float *w = g->w + (size_t)(j / LIC_PANEL) * g->panel_pitch + j % LIC_PANEL;
    float sum = g->bias ? g->bias[j] : 0.0f;
    for (int t = 0; t < g->taps; t++)
        for (int c = 0; c < g->k; c++, w += g->w_pitch)
            sum = fmaf(g->in[t * g->rows + row][c], *w, sum);
    return sum;
}

/* Activations are tested by themselves (test_elementwise.c): here those of plain C serve. */
static void plain_gemm(const problem *p)
{
    const lic_gemm *g = &p->g;
    for (int row = 0; row < g->rows; row++) {
        float *out = g->out[row];
        for (int j = 0; j < g->n; j++)
            out[j] = plain_sum(g, row, j);
        lic_kernels_scalar.activate(out, (size_t)g->n, g->act);
        for (int j = 0; g->scale && j < g->n; j++)
            out[j] = fmaf(out[j], g->scale[j], out[j]) + g->shift[j];
    }
}

static void run(void *problem_, const lic_kernels *k)
{
    const problem *p = problem_;
    if (k)
        k->gemm(&p->g);
    else
        plain_gemm(p);
}

static void compare(const shape *s)
{
    static problem p;
    NEW_CASE("gemm rows %d taps %d k %d n %d act %d bias %d affine %d panels %d", s->rows, s->taps,
             s->k, s->n, (int)s->act, s->bias, s->affine, s->panels);
    make_problem(&p, s);
    compare_levels(run, &p, p.result, p.result_floats, check_bits);
}

/* Every way that rows and columns can fall on the tiles of any level. */
TEST(gemm_edges_of_tiles)
{
    static const int columns[] = {1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 80, 95, 96, 97};
    const int step = PARITY_SHARE > 1 ? 5 : 1;
    for (int rows = 1; rows <= 26; rows += step)
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
            const shape s = {rows, 1, 1 + (int)test_random_below(5), columns[i], LIC_ACT_NONE,
                             1,    0, (int)test_random_below(2)};
            compare(&s);
        }
}

TEST(gemm_random_shapes)
{
    static const int taps[] = {1, 4, 9, 12, 25};
    for (int i = 0; i < 300 / PARITY_SHARE; i++) {
        shape s = {.rows = 1 + (int)test_random_below(MAX_ROWS),
                   .taps = taps[test_random_below(5)]};
        s.k = 1 + (int)test_random_below(s.taps > 4 ? 24 : 90);
        s.n = 1 + (int)test_random_below(s.taps > 4 ? 70 : 130);
        s.act = (lic_act)test_random_below(5);
        s.bias = test_random_below(4) != 0;
        s.affine = test_random_below(3) == 0;
        s.panels = test_random_below(4) != 0;
        compare(&s);
    }
}

/* Long sums, where a second accumulator or another order would show at once. */
TEST(gemm_long_sums)
{
    for (int i = 0; i < 3; i++) {
        const shape s = {.rows = 13,
                         .taps = i == 0 ? 25 : 1,
                         .k = i == 0 ? 64 : 1500 + i,
                         .n = 49,
                         .bias = 1,
                         .panels = 1};
        compare(&s);
    }
}
