/* test_planes.c - the kernels of layers in planes: convolutions of every level against a plain
 * loop, bias, then taps, then channels, one chain of fma; and transposition. */
#include "tests/parity/parity.h"

typedef struct shape {
    int kernel, pixels, k, n, first_row, n_rows; /* rows that are there, as in a picture */
    lic_act act;
} shape;

typedef struct problem {
    lic_conv_planes p;
    const float *rows[3];
    size_t out_floats;
} problem;

/* Random operands of this shape, each at a guard page. */
static void make_problem(problem *p, const shape *s)
{
    const size_t k = (size_t)s->k, n = (size_t)s->n, pixels = (size_t)s->pixels;
    const size_t half = (size_t)s->kernel / 2, taps = (size_t)(s->kernel * s->kernel);
    const size_t seen = 2 * half + round_up(pixels);
    const size_t pitch = seen + test_random_below(9), out_pitch = pixels + test_random_below(9);
    const size_t inputs = taps * k;
    const size_t panel_pitch = inputs * LIC_PANEL + test_random_below(9);
    for (int i = 0; i < s->kernel; i++) {
        const bool there = i >= s->first_row && i < s->first_row + s->n_rows;
        p->rows[i] = there ? random_operand((k - 1) * pitch + seen, random_side()) + half : NULL;
    }
    p->out_floats = (n - 1) * out_pitch + pixels;
    p->p = (lic_conv_planes){
        .rows = p->rows,
        .out = operand(p->out_floats, random_side()),
        .in_pitch = pitch,
        .out_pitch = out_pitch,
        .w = random_operand((round_up(n) / LIC_PANEL - 1) * panel_pitch + inputs * LIC_PANEL,
                            random_side()),
        .panel_pitch = panel_pitch,
        .bias = random_operand(round_up(n), random_side()),
        .kernel = s->kernel,
        .pixels = s->pixels,
        .k = s->k,
        .n = s->n,
        .act = s->act};
}

static float plain_sum(const lic_conv_planes *p, int o, int x)
{
    const float *w = p->w + (size_t)(o / LIC_PANEL) * p->panel_pitch + o % LIC_PANEL;
    float sum = p->bias[o];
    for (int t = 0; t < p->kernel * p->kernel; t++)
        for (int k = 0; k < p->k; k++, w += LIC_PANEL) {
            const float *row = p->rows[t / p->kernel];
            const int at = x + t % p->kernel - p->kernel / 2;
            sum = fmaf(row ? row[(ptrdiff_t)((size_t)k * p->in_pitch) + at] : 0.0f, *w, sum);
        }
    return sum;
}

static void plain_conv(const lic_conv_planes *p)
{
    for (int o = 0; o < p->n; o++) {
        float *out = p->out + (size_t)o * p->out_pitch;
        for (int x = 0; x < p->pixels; x++)
            out[x] = plain_sum(p, o, x);
        lic_kernels_scalar.activate(out, (size_t)p->pixels, p->act);
    }
}

static void run(void *problem_, const lic_kernels *k)
{
    const lic_conv_planes *c = &((const problem *)problem_)->p;
    (k ? k->conv_planes : plain_conv)(c);
}

static void compare(const shape *s)
{
    problem p;
    NEW_CASE("kernel %d, %d pixels, k %d, n %d, rows %d+%d, act %d", s->kernel, s->pixels, s->k,
             s->n, s->first_row, s->n_rows, (int)s->act);
    make_problem(&p, s);
    compare_levels(run, &p, p.p.out, p.out_floats, check_bits);
}

TEST(conv_planes_random_shapes)
{
    for (int i = 0; i < 300 / PARITY_SHARE; i++) {
        shape s = {.kernel = i % 3 ? 3 : 1, .pixels = 1 + (int)test_random_below(80)};
        s.k = 1 + (int)test_random_below(20);
        s.n = 1 + (int)test_random_below(i % 2 ? 16 : 40);
        s.first_row = s.kernel == 3 && test_random_below(4) == 0;
        s.n_rows = s.kernel - s.first_row - (s.kernel == 3 && test_random_below(4) == 0);
        s.act = (lic_act)test_random_below(5);
        compare(&s);
    }
}

/* Every number of outputs and of pixels up to beyond two tiles. */
TEST(conv_planes_of_every_width)
{
    for (int n = 1; n <= 34; n++)
        compare(&(shape){.kernel = 1, .pixels = 33, .k = 3, .n = n, .n_rows = 1});
    for (int pixels = 1; pixels <= 66; pixels++)
        compare(&(shape){.kernel = 3, .pixels = pixels, .k = 2, .n = 13, .n_rows = 3});
}

static void compare_transposed(size_t rows, size_t columns)
{
    level levels[PARITY_LEVELS];
    const int n_levels = parity_levels(levels);
    const size_t in_pitch = columns + test_random_below(9), pitch = rows + test_random_below(9);
    const size_t n = (columns - 1) * pitch + rows;
    NEW_CASE("%zu rows, %zu columns", rows, columns);
    const float *in = random_operand((rows - 1) * in_pitch + columns, random_side());
    float *out = operand(n, random_side()), *want = malloc(n * sizeof *want);
    REQUIRE(want != NULL);
    fill_result(want, n);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            memcpy(want + c * pitch + r, in + r * in_pitch + c, sizeof *in);
    for (int i = 0; i < n_levels; i++) {
        fill_result(out, n);
        levels[i].k->transpose(out, pitch, in, in_pitch, (int)rows, (int)columns);
        check_bits(out, want, n, levels[i].name);
    }
    free(want);
}

TEST(transpose_random_shapes)
{
    for (int i = 0; i < 200 / PARITY_SHARE; i++)
        compare_transposed(1 + test_random_below(70), 1 + test_random_below(40));
}
