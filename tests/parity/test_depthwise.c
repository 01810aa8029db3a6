/* test_depthwise.c - the depthwise kernel of every level against a plain loop: bias, then the taps
 * that lie inside the picture in ascending order, one chain of fma; activation; residual. */
#include "tests/parity/parity.h"

typedef struct shape {
    int width, x0, x1, c, kernel, first_row,
        n_rows; /* rows first_row .. + n_rows - 1 of the kernel are there */
    lic_act act;
    int residual, open_left, open_right;
} shape;

typedef struct problem {
    lic_depthwise d;
    const float *rows[5];
    size_t out_floats;
} problem;

/* Random operands of this shape, each at a guard page. */
static void make_problem(problem *p, const shape *s)
{
    const size_t c = (size_t)s->c, taps = (size_t)(s->kernel * s->kernel);
    const size_t pitch = c + test_random_below(9), out_pitch = c + test_random_below(9);
    for (int i = 0; i < s->kernel; i++) {
        const int there = i >= s->first_row && i < s->first_row + s->n_rows;
        p->rows[i] =
            there ? random_operand(((size_t)s->width - 1) * pitch + c, random_side()) : NULL;
    }
    p->out_floats = (size_t)(s->x1 - s->x0 - 1) * out_pitch + c;
    p->d = (lic_depthwise){.rows = p->rows,
                           .out = operand(p->out_floats, random_side()),
                           .w = random_operand((taps - 1) * c + round_up(c), random_side()),
                           .bias = random_operand(round_up(c), random_side()),
                           .in_pitch = pitch,
                           .out_pitch = out_pitch,
                           .width = s->width,
                           .x0 = s->x0,
                           .x1 = s->x1,
                           .c = s->c,
                           .kernel = s->kernel,
                           .residual = s->residual != 0,
                           .open_left = s->open_left != 0,
                           .open_right = s->open_right != 0,
                           .act = s->act};
}

/* Column that a tap reads, mirrored about the end where the picture goes on; -1 for none. */
static int mirrored(const lic_depthwise *d, int x)
{
    const int last = d->width - 1;
    if (x < 0)
        x = d->open_left ? -x : -1;
    else if (x > last)
        return !d->open_right ? -1 : 2 * last - x < 0 ? 0 : 2 * last - x;
    return x > last ? last : x;
}

static float plain_sum(const lic_depthwise *d, int x, int c)
{
    float sum = d->bias[c];
    for (int i = 0; i < d->kernel; i++)
        for (int j = 0; j < d->kernel; j++) {
            const int xx = mirrored(d, x + j - d->kernel / 2);
            if (d->rows[i] && xx >= 0)
                sum = fmaf(d->rows[i][(size_t)xx * d->in_pitch + (size_t)c],
                           d->w[(i * d->kernel + j) * d->c + c], sum);
        }
    return sum;
}

static void plain_depthwise(const lic_depthwise *d)
{
    for (int x = d->x0; x < d->x1; x++) {
        float *out = d->out + (size_t)(x - d->x0) * d->out_pitch;
        for (int c = 0; c < d->c; c++)
            out[c] = plain_sum(d, x, c);
        lic_kernels_scalar.activate(out, (size_t)d->c, d->act);
        for (int c = 0; d->residual && c < d->c; c++)
            out[c] = d->rows[d->kernel / 2][(size_t)x * d->in_pitch + (size_t)c] + out[c];
    }
}

static void run(void *problem_, const lic_kernels *k)
{
    const lic_depthwise *d = &((const problem *)problem_)->d;
    (k ? k->depthwise : plain_depthwise)(d);
}

static void compare(const shape *s)
{
    problem p;
    NEW_CASE("depthwise width %d x %d..%d c %d kernel %d rows %d+%d act %d residual %d open %d %d",
             s->width, s->x0, s->x1, s->c, s->kernel, s->first_row, s->n_rows, (int)s->act,
             s->residual, s->open_left, s->open_right);
    make_problem(&p, s);
    compare_levels(run, &p, p.d.out, p.out_floats, check_bits);
}

/* Rows above or below the picture are missing, the middle one never is. */
static void choose_rows(shape *s)
{
    const int half = s->kernel / 2;
    s->first_row = (int)test_random_below((uint32_t)half + 1);
    s->n_rows = half + 1 - s->first_row + (int)test_random_below((uint32_t)half + 1);
}

TEST(depthwise_random_shapes)
{
    for (int i = 0; i < 400 / PARITY_SHARE; i++) {
        shape s = {.width = 1 + (int)test_random_below(i % 2 ? 12 : 80)};
        s.x0 = (int)test_random_below((uint32_t)s.width);
        s.x1 = s.x0 + 1 + (int)test_random_below((uint32_t)(s.width - s.x0));
        s.c = 1 + (int)test_random_below(i % 3 ? 40 : 100);
        s.kernel = 1 + 2 * (int)test_random_below(3);
        choose_rows(&s);
        s.act = (lic_act)test_random_below(5);
        s.residual = (int)test_random_below(2);
        s.open_left = (int)test_random_below(2);
        s.open_right = (int)test_random_below(2);
        compare(&s);
    }
}

/* Whole rows of all widths up to beyond the kernel's, with all rows there. */
TEST(depthwise_narrow_pictures)
{
    for (int kernel = 3; kernel <= 5; kernel += 2)
        for (int width = 1; width <= 20; width++)
            for (int c = 15; c <= 33; c += 6) {
                const shape s = {.width = width,
                                 .x1 = width,
                                 .c = c,
                                 .kernel = kernel,
                                 .n_rows = kernel,
                                 .residual = 1};
                compare(&s);
            }
}
