/* test_nn.c - the layers of models/nn.h against plain loops, bit by bit: sizes from 1x1 over all
 * edges of the 64-pixel blocks, strides, views of channels, residuals, sides where the picture goes
 * on; the same bits from any number of threads; planning, failure and cancelling compute nothing.
 */
#include "models/nn.h"

#include "tests/test.h"

#include <math.h>

enum { MAX_C = 40, RECORDS = 6000 };
static const float zeros[MAX_C + LIC_PANEL];
static const affine no_rate = {0};

/* ---- a place to run in ----------------------------------------------------------------------- */

typedef struct place {
    nn c;
    lic_arena arena;
} place;

static int open_place(place *p, int threads)
{
    memset(p, 0, sizeof *p);
    if (!lic_arena_reserve(&p->arena, (size_t)8 << 20, NULL))
        return 0;
    p->c = (nn){.k = lic_kernels_get(LIC_CPU_AUTO), .arena = &p->arena, .zeros = zeros};
    p->c.gemm = p->c.k->gemm;
    p->c.pool = lic_pool_new(threads, NULL);
    p->c.record_floats = RECORDS; /* the strict kernels need no other scratch */
    p->c.scratch = lic_arena_take(&p->arena, RECORDS * (size_t)threads, sizeof *p->c.scratch);
    return p->c.pool != NULL;
}

static void close_place(place *p)
{
    lic_pool_free(p->c.pool);
    lic_arena_release(&p->arena);
}

static float random_float(void)
{
    return (float)test_random_below(1u << 24) / 8388608.0f - 1.0f;
}

/* A tensor of random values; now and then a view of some channels of a wider one. */
static tensor random_tensor(nn *c, int h, int w, int channels)
{
    const int view = (int)test_random_below(2), more = view ? 1 + (int)test_random_below(5) : 0;
    tensor t = lic_nn_new(c, h, w, channels + more);
    for (size_t i = 0; i < (size_t)h * (size_t)w * t.pitch; i++)
        t.data[i] = random_float();
    return view ? lic_nn_channels(t, 1, channels) : t;
}

static float *random_floats(nn *c, size_t n)
{
    float *p = lic_arena_take(c->arena, n, sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = random_float();
    return p;
}

/* The same in integers. */
static conv random_integers(nn *c, int kernel, int stride, int cin, int cout)
{
    const size_t panels = ((size_t)cout + LIC_PANEL - 1) / LIC_PANEL;
    const size_t taps = (size_t)(kernel * kernel), steps = ((size_t)cin + 3) / 4;
    conv w = {.kernel = kernel, .stride = stride, .cin = cin, .cout = cout, .taps = (int)taps};
    int8_t *bytes = lic_arena_take(c->arena, panels * taps * steps * 4 * LIC_PANEL, 1);
    int32_t *offsets = lic_arena_take(c->arena, panels * taps * LIC_PANEL, sizeof *offsets);
    memset(offsets, 0, panels * taps * LIC_PANEL * sizeof *offsets);
    for (size_t i = 0; i < panels * taps * steps * 4 * LIC_PANEL; i++) {
        const bool there = i / (4 * LIC_PANEL) % steps * 4 + i % 4 < (size_t)cin;
        bytes[i] = (int8_t)(there ? (int)test_random_below(255) - 127 : 0);
        offsets[i / (steps * 4 * LIC_PANEL) * LIC_PANEL + i / 4 % LIC_PANEL] -= 128 * bytes[i];
    }
    w.bytes = bytes;
    w.offsets = offsets;
    w.w_scale = random_floats(c, panels * LIC_PANEL);
    w.bias = random_floats(c, panels * LIC_PANEL);
    return w;
}

static conv random_conv(nn *c, bool integers, int kernel, int stride, int cin, int cout)
{
    if (integers)
        return random_integers(c, kernel, stride, cin, cout);
    const size_t panels = ((size_t)cout + LIC_PANEL - 1) / LIC_PANEL;
    conv w = {
        .kernel = kernel, .stride = stride, .cin = cin, .cout = cout, .taps = kernel * kernel};
    w.w = random_floats(c, panels * (size_t)(kernel * kernel * cin) * LIC_PANEL);
    w.bias = random_floats(c, panels * LIC_PANEL);
    return w;
}

/* ---- plain loops ----------------------------------------------------------------------------- */

static unsigned open_sides; /* of the layer at hand: LIC_OPEN_ bits */

/* Position mirrored about an end beyond which the picture goes on, or -1. */
static int mirrored(int i, int n, unsigned low, unsigned high)
{
    if (i < 0)
        return !(open_sides & low) ? -1 : -i < n ? -i : n - 1;
    if (i >= n)
        return !(open_sides & high) ? -1 : 2 * (n - 1) >= i ? 2 * (n - 1) - i : 0;
    return i;
}

static float value_at(tensor t, int y, int x, int i)
{
    y = mirrored(y, t.h, LIC_OPEN_TOP, LIC_OPEN_BOTTOM);
    x = mirrored(x, t.w, LIC_OPEN_LEFT, LIC_OPEN_RIGHT);
    return y < 0 || x < 0 ? 0.0f : lic_nn_at(t, y, x)[i];
}

/* One tap in integers: products of a rounded position, and the step that they are in. */
static float plain_tap(const conv *w, tensor x, int y, int xx, int t, int j, float sum)
{
    const size_t steps = ((size_t)w->cin + 3) / 4;
    const size_t block = (size_t)(j / LIC_PANEL * w->taps + t);
    const int8_t *column = w->bytes + block * steps * 4 * LIC_PANEL + j % LIC_PANEL * 4;
    float largest = 1e-30f;
    int32_t products = 0;
    for (int i = 0; i < w->cin; i++)
        largest = fmaxf(largest, fabsf(value_at(x, y, xx, i)));
    for (int i = 0; i < w->cin; i++) {
        const float scaled = value_at(x, y, xx, i) * (127.0f / largest);
        products += (int)nearbyintf(fminf(fmaxf(scaled, -127.0f), 127.0f)) *
                    column[i / 4 * 4 * LIC_PANEL + i % 4];
    }
    return fmaf((float)products, largest / 127.0f, sum);
}

static float plain_integers(const conv *w, tensor x, int y, int xx, int j)
{
    const int half = w->kernel / 2;
    float sum = 0.0f;
    for (int t = 0; t < w->taps; t++)
        sum = plain_tap(w, x, y * w->stride + t / w->kernel - half,
                        xx * w->stride + t % w->kernel - half, t, j, sum);
    return fmaf(sum, w->w_scale[j], w->bias[j]);
}

/* Sums run over what lies outside as well: adding products with zero changes no bit here, where no
 * sum is -0. */
static float plain_conv(const conv *w, tensor x, int y, int xx, int j)
{
    if (w->bytes)
        return plain_integers(w, x, y, xx, j);
    const int taps = w->kernel * w->kernel, half = w->kernel / 2;
    const float *panel = w->w + (size_t)(j / LIC_PANEL * taps * w->cin) * LIC_PANEL + j % LIC_PANEL;
    float sum = w->bias[j];
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < w->cin; i++)
            sum = fmaf(value_at(x, y * w->stride + t / w->kernel - half,
                                xx * w->stride + t % w->kernel - half, i),
                       panel[(t * w->cin + i) * LIC_PANEL], sum);
    return sum;
}

static float leaky(float v)
{
    const float small = v * 0.1f;
    return v > small ? v : small;
}

static void check_value(float got, float want, const char *what, int y, int x, int i)
{
    if (test_failed(!memcmp(&got, &want, sizeof got)))
        printf("%s at (%d, %d, %d) is %a, expected %a\n", what, y, x, i, (double)got, (double)want);
}

static void check_conv(const conv *w, tensor x, affine rate, const tensor *residual, tensor out)
{
    for (int y = 0; y < out.h; y++)
        for (int xx = 0; xx < out.w; xx++)
            for (int j = 0; j < w->cout; j++) {
                float want = leaky(plain_conv(w, x, y, xx, j));
                if (rate.scale)
                    want = fmaf(want, rate.scale[j], want) + rate.shift[j];
                if (residual)
                    want = want + lic_nn_at(*residual, y, xx)[j];
                check_value(lic_nn_at(out, y, xx)[j], want, "conv", y, xx, j);
            }
}

/* ---- layers ---------------------------------------------------------------------------------- */

static const int sizes[][2] = {{1, 1}, {1, 2}, {3, 1}, {5, 4}, {2, 63}, {1, 64}, {3, 65}, {2, 130}};
enum { N_SIZES = sizeof sizes / sizeof sizes[0] };

/* A random convolution against the definition. */
static void one_conv(nn *c, int size, int kernel, int stride)
{
    const int cin = 1 + (int)test_random_below(9), cout = 1 + (int)test_random_below(MAX_C);
    const int h = sizes[size][0], w = sizes[size][1];
    const size_t mark = lic_arena_mark(c->arena);
    c->open = open_sides = test_random_below(16);
    const conv weights = random_conv(c, test_random_below(2), kernel, stride, cin, cout);
    const tensor x = random_tensor(c, h, w, cin);
    tensor out = random_tensor(c, (h + stride - 1) / stride, (w + stride - 1) / stride, cout);
    const tensor residual = random_tensor(c, out.h, out.w, cout);
    const int with_rate = (int)test_random_below(2), add = (int)test_random_below(2);
    affine rate = no_rate;
    if (with_rate)
        rate = (affine){random_floats(c, MAX_C + LIC_PANEL), random_floats(c, MAX_C + LIC_PANEL)};
    lic_nn_conv(c, &weights, x, LIC_ACT_LEAKY, rate, add ? &residual : NULL, out);
    check_conv(&weights, x, rate, add ? &residual : NULL, out);
    lic_arena_rewind(c->arena, mark);
}

TEST(nn_conv)
{
    place p;
    REQUIRE(open_place(&p, 2));
    for (int size = 0; size < N_SIZES; size++)
        for (int kernel = 1; kernel <= 5; kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                for (int i = 0; i < 4; i++) /* few channels, joined taps: some of them */
                    one_conv(&p.c, size, kernel, stride);
    CHECK(!p.arena.failed);
    close_place(&p);
}

/* Output pixel (2y + dy, 2x + dx) is that of phase 2 dy + dx. */
static void one_upconv(nn *c, int size)
{
    const int cin = 1 + (int)test_random_below(9), cout = 1 + (int)test_random_below(MAX_C);
    const size_t mark = lic_arena_mark(c->arena);
    c->open = open_sides = test_random_below(16);
    const tensor x = random_tensor(c, sizes[size][0], sizes[size][1], cin);
    tensor out = random_tensor(c, 2 * x.h, 2 * x.w, cout);
    upconv w = {.cout = cout};
    const bool integers = test_random_below(2);
    for (int phase = 0; phase < 4; phase++)
        w.phase[phase] = random_conv(c, integers, 3, 1, cin, cout);
    lic_nn_upconv(c, &w, x, LIC_ACT_LEAKY, no_rate, out);
    for (int y = 0; y < out.h; y++)
        for (int xx = 0; xx < out.w; xx++)
            for (int j = 0; j < cout; j++) {
                const conv *phase = &w.phase[2 * (y % 2) + xx % 2];
                check_value(lic_nn_at(out, y, xx)[j], leaky(plain_conv(phase, x, y / 2, xx / 2, j)),
                            "upconv", y, xx, j);
            }
    lic_arena_rewind(c->arena, mark);
}

TEST(nn_upconv)
{
    place p;
    REQUIRE(open_place(&p, 2));
    for (int size = 0; size < N_SIZES; size++)
        one_upconv(&p.c, size);
    close_place(&p);
}

static float plain_depthwise(const depthwise *w, tensor x, int y, int xx, int i)
{
    float sum = w->bias[i];
    for (int t = 0; t < w->kernel * w->kernel; t++) {
        const int ty = y + t / w->kernel - w->kernel / 2, tx = xx + t % w->kernel - w->kernel / 2;
        sum = fmaf(value_at(x, ty, tx, i), w->w[t * w->c + i], sum);
    }
    return sum;
}

/* A random depthwise convolution against the definition. */
static void one_depthwise(nn *c, int size, int kernel, bool residual)
{
    const int n = 1 + (int)test_random_below(MAX_C);
    const size_t mark = lic_arena_mark(c->arena), taps = (size_t)(kernel * kernel);
    c->open = open_sides = test_random_below(16);
    const depthwise w = {.kernel = kernel,
                         .c = n,
                         .w = random_floats(c, taps * (size_t)n + LIC_PANEL),
                         .bias = random_floats(c, MAX_C + LIC_PANEL)};
    const tensor x = random_tensor(c, sizes[size][0], sizes[size][1], n);
    tensor out = random_tensor(c, x.h, x.w, n);
    lic_nn_depthwise(c, &w, x, LIC_ACT_LEAKY, residual, out);
    for (int y = 0; y < out.h; y++)
        for (int xx = 0; xx < out.w; xx++)
            for (int i = 0; i < n; i++) {
                float want = leaky(plain_depthwise(&w, x, y, xx, i));
                if (residual)
                    want = lic_nn_at(x, y, xx)[i] + want;
                check_value(lic_nn_at(out, y, xx)[i], want, "depthwise", y, xx, i);
            }
    lic_arena_rewind(c->arena, mark);
}

TEST(nn_depthwise)
{
    place p;
    REQUIRE(open_place(&p, 2));
    for (int size = 0; size < N_SIZES; size++)
        for (int kernel = 3; kernel <= 5; kernel += 2)
            one_depthwise(&p.c, size, kernel, size % 2 == 0);
    close_place(&p);
}

/* Row by row, then divided: the order is part of the format. */
TEST(nn_mean)
{
    place p;
    REQUIRE(open_place(&p, 2));
    for (int size = 0; size < N_SIZES; size++) {
        const tensor x = random_tensor(&p.c, sizes[size][0], sizes[size][1], 19);
        float mean[19];
        lic_nn_mean(&p.c, x, mean);
        for (int i = 0; i < 19; i++) {
            float sum = 0.0f;
            for (int at = 0; at < x.h * x.w; at++)
                sum = sum + lic_nn_at(x, 0, at)[i];
            check_value(mean[i], sum / (float)(x.h * x.w), "mean", 0, 0, i);
        }
    }
    close_place(&p);
}

TEST(nn_linear_rows)
{
    place p;
    REQUIRE(open_place(&p, 1));
    open_sides = 0;
    for (int rows = 1; rows <= LIC_BLOCK; rows += 9) {
        const conv w = random_conv(&p.c, test_random_below(2), 1, 1, 7, 21);
        const tensor x = random_tensor(&p.c, 1, rows, 7);
        tensor out = random_tensor(&p.c, 1, rows, 21);
        lic_nn_linear_rows(&p.c, &w, x.data, x.pitch, out.data, out.pitch, rows, LIC_ACT_LEAKY,
                           0);
        check_conv(&w, x, no_rate, NULL, out);
    }
    close_place(&p);
}

/* ---- threads --------------------------------------------------------------------------------- */

/* A chain of layers into `out` [10 * 150 * 20]. */
static int chain(int threads, float *out)
{
    place p;
    if (!open_place(&p, threads))
        return 0;
    test_random_state = 7;
    const conv w = random_conv(&p.c, test_random_below(2), 3, 2, 8, 20);
    const tensor x = random_tensor(&p.c, 20, 300, 8);
    const tensor a = lic_nn_new(&p.c, 10, 150, 20), b = lic_nn_new(&p.c, 10, 150, 20);
    const depthwise d = {5, 20, random_floats(&p.c, 25 * 20 + LIC_PANEL),
                         random_floats(&p.c, 20 + LIC_PANEL)};
    lic_nn_conv(&p.c, &w, x, LIC_ACT_GELU, no_rate, NULL, a);
    lic_nn_depthwise(&p.c, &d, a, LIC_ACT_TANH, true, b);
    memcpy(out, b.data, sizeof(float) * 10 * 150 * 20);
    close_place(&p);
    return 1;
}

TEST(nn_same_bits_for_any_number_of_threads)
{
    static float one[10 * 150 * 20], more[10 * 150 * 20];
    REQUIRE(chain(1, one));
    for (int threads = 2; threads <= 7; threads += 5) {
        REQUIRE(chain(threads, more));
        CHECK_EQ_MEM(more, one, sizeof one);
    }
}

/* ---- idle ------------------------------------------------------------------------------------ */

TEST(nn_planning_computes_nothing)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    nn c = {.k = lic_kernels_get(LIC_CPU_AUTO), .arena = &plan};
    const conv w = {.kernel = 3, .stride = 1, .cin = 5, .cout = 7, .taps = 9};
    float untouched = 3.0f;
    CHECK(lic_nn_idle(&c));
    const tensor x = lic_nn_new(&c, 10, 20, 5), out = lic_nn_new(&c, 10, 20, 7);
    CHECK(!x.data && !out.data && !lic_nn_channels(x, 1, 2).data);
    lic_nn_conv(&c, &w, x, LIC_ACT_NONE, no_rate, NULL, out); /* would crash on any access */
    lic_nn_mean(&c, x, &untouched);
    CHECK(untouched == 3.0f);
    CHECK(plan.peak >= (10 * 20 * 5 + 10 * 20 * 7) * sizeof(float));
    lic_nn_need(&c, 1000);
    CHECK(c.scratch_floats >= 1000 && c.scratch_floats % LIC_PANEL == 0);
    lic_nn_need(&c, 10);
    CHECK(c.scratch_floats >= 1000);
}

static size_t planned_records(const conv *w)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    nn c = {.k = lic_kernels_get(LIC_CPU_AUTO), .arena = &plan};
    lic_nn_widen(&c, w);
    CHECK(!c.scratch_floats && c.record_floats % LIC_PANEL == 0);
    return c.record_floats;
}

/* A layer of the widest block there is, with as much scratch as it asked for and not one byte more,
 * at every level. */
static void within_plan(place *p, const conv *w, lic_cpu cpu)
{
    enum { BEHIND = 64, WIDTH = 2 * LIC_BLOCK };
    const size_t mark = lic_arena_mark(&p->arena), n = planned_records(w);
    float *const scratch = p->c.scratch;
    p->c.k = lic_kernels_get(cpu);
    p->c.gemm = p->c.k->gemm;
    p->c.open = 15;
    p->c.record_floats = n;
    p->c.scratch = random_floats(&p->c, n + BEHIND);
    float behind[BEHIND];
    memcpy(behind, p->c.scratch + n, sizeof behind);
    const tensor x = random_tensor(&p->c, 5, WIDTH, w->cin);
    const tensor out = random_tensor(&p->c, 5 / w->stride, WIDTH / w->stride, w->cout);
    lic_nn_conv(&p->c, w, x, LIC_ACT_NONE, no_rate, NULL, out);
    CHECK_EQ_MEM(behind, p->c.scratch + n, sizeof behind);
    p->c.scratch = scratch;
    lic_arena_rewind(&p->arena, mark);
}

TEST(nn_rounded_positions_are_within_the_plan)
{
    place p;
    REQUIRE(open_place(&p, 1));
    for (int cpu = LIC_CPU_AUTO; cpu <= LIC_CPU_LAST; cpu++)
        for (int kernel = 1; kernel <= 5 && lic_cpu_supported((lic_cpu)cpu); kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                for (int cin = 1; cin < 40; cin += 7) {
                    const conv w = random_integers(&p.c, kernel, stride, cin, 9);
                    within_plan(&p, &w, (lic_cpu)cpu);
                }
    CHECK(!p.arena.failed);
    close_place(&p);
}

/* Rows gathered for each of the taps of the local context. */
TEST(nn_records_of_left_out_taps)
{
    const int8_t byte = 0;
    const conv local = {.kernel = 5, .stride = 1, .cin = 17, .cout = 1, .taps = 12, .bytes = &byte};
    CHECK(planned_records(&local) >= 12 * LIC_BLOCK * lic_record_floats(LIC_MAX_BYTE_SIZE, 17));
    conv floats = local;
    floats.bytes = NULL;
    CHECK_EQ_INT(planned_records(&floats), 0);
}

TEST(nn_sizes_that_overflow_fail)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    nn c = {.arena = &plan};
    lic_nn_new(&c, INT32_MAX, INT32_MAX, 16);
    CHECK(plan.failed);
}

static int stop_at_half(void *user, double fraction)
{
    ++*(int *)user;
    return fraction >= 0.5;
}

static void count_traces(void *user, const char *name, int index, tensor t)
{
    *(int *)user += !strcmp(name, "here") && index == 3 && t.w == 2;
}

TEST(nn_progress_cancels_and_traces_stop)
{
    place p;
    int calls = 0, traces = 0;
    REQUIRE(open_place(&p, 1));
    p.c.progress = stop_at_half;
    p.c.progress_user = &calls;
    p.c.trace = count_traces;
    p.c.trace_user = &traces;
    const tensor t = random_tensor(&p.c, 1, 2, 3);
    lic_nn_trace(&p.c, "here", 3, t);
    lic_nn_report(&p.c, 0.2);
    CHECK(!p.c.cancelled && !lic_nn_idle(&p.c));
    lic_nn_report(&p.c, 0.5);
    CHECK(p.c.cancelled && lic_nn_idle(&p.c));
    lic_nn_report(&p.c, 0.7); /* nobody is asked again */
    lic_nn_trace(&p.c, "here", 3, t);
    CHECK_EQ_INT(calls, 2);
    CHECK_EQ_INT(traces, 1);
    close_place(&p);
}
