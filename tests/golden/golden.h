/* golden.h - reads the dumps of models/train/golden.py (README.md here says what they hold),
 * compares tensors with their records, and runs test code inside the library's working memory.
 *
 * A record counts as used once it was compared. A test ends by asking whether any record is left,
 * so that no layer goes untested. The path of the golden folder is the folder of this file. */
#ifndef LIC_TESTS_GOLDEN_H
#define LIC_TESTS_GOLDEN_H

#include "codec/latent.h"
#include "codec/session.h"
#include "tests/test.h"

#include <math.h>
#include <stdarg.h>

enum { GOLDEN_MAX_RECORDS = 400, EVERYWHERE = -1 };

typedef struct record {
    char name[64]; /* without "%STEP" */
    size_t step, n;
    uint32_t rank, dims[4];
    float *values;
    int used; /* 1: compared, 2: left to another test */
} record;

typedef struct golden {
    lic_model *model;
    record records[GOLDEN_MAX_RECORDS];
    int n_records;
    double tolerance;
    double worst; /* relative error of the worst layer so far */
    char worst_name[64];
} golden;

/* ---- files ----------------------------------------------------------------------------------- */

/* The tests run from the root of the tree, or anywhere if built with a whole path. */
static inline const char *golden_path(const char *file)
{
    static char path[4][512];
    static int turn;
    const char *here = __FILE__, *slash = strrchr(here, '/');
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%.*s/%s", (int)(slash - here), here, file);
    return path[turn];
}

/* False at the end of the file. */
static inline int read_record(FILE *file, record *r)
{
    uint32_t head[6];
    char *percent;
    if (fread(head, 4, 1, file) != 1)
        return 0;
    if (head[0] >= sizeof r->name || fread(r->name, 1, head[0], file) != head[0] ||
        fread(head + 1, 4, 5, file) != 5)
        exit(2);
    percent = memchr(r->name, '%', head[0]);
    r->step = percent ? strtoul(percent + 1, NULL, 10) : 1;
    *(percent ? percent : r->name + head[0]) = 0;
    r->rank = head[1];
    memcpy(r->dims, head + 2, sizeof r->dims);
    r->n = (size_t)head[2] * head[3] * head[4] * head[5];
    r->values = malloc(r->n * sizeof *r->values);
    if (!r->values || fread(r->values, sizeof *r->values, r->n, file) != r->n)
        exit(2);
    return 1;
}

/* Relative error that a layer may have. In integers a value that float32 has near the middle between
 * two steps may be rounded to the other one than in double precision: then the outputs of its
 * position differ by that step times the weights, and whatever follows a little. So layers may be
 * off by three of the 127 steps there. */
#define TOLERANCE          1e-4
#define INTEGERS_TOLERANCE (3.0 / 127)

/* Opens a tiny network and one of its dumps, "NETWORK.bin" or "NETWORK-SIZE.bin"; the test program
 * ends if they are not there. */
static inline golden *golden_open(const char *dump)
{
    golden *g = calloc(1, sizeof *g);
    FILE *file = fopen(golden_path(dump), "rb");
    char signature[8];
    lic_error err = {0};
    const bool integers = !strncmp(dump, "integers", 8);
    if (!g || !file || fread(signature, 1, 8, file) != 8 || memcmp(signature, "licgold1", 8) ||
        lic_model_open(golden_path(integers ? "integers.licw" : "tiny.licw"), NULL, &g->model,
                       &err)) {
        printf("no golden files: %s %s\n", golden_path(dump), err.text);
        exit(2);
    }
    g->tolerance = integers ? INTEGERS_TOLERANCE : TOLERANCE;
    while (g->n_records < GOLDEN_MAX_RECORDS && read_record(file, &g->records[g->n_records]))
        g->n_records++;
    fclose(file);
    return g;
}

static inline void golden_close(golden *g)
{
    for (int i = 0; i < g->n_records; i++)
        free(g->records[i].values);
    lic_model_close(g->model);
    free(g);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline record *
golden_find(golden *g, const char *format, ...)
{
    char name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    for (int i = 0; i < g->n_records; i++)
        if (!strcmp(g->records[i].name, name)) {
            g->records[i].used = 1;
            return &g->records[i];
        }
    printf("no record %s\n", name);
    exit(2);
}

/* ---- comparison ------------------------------------------------------------------------------ */

/* Largest difference over the largest value of the record, at all positions or at those of one
 * checkerboard pass. A record of windows or of another shape is compared as [rows, 64, C]. */
static inline double golden_error(const record *r, tensor t, int pass)
{
    const size_t row = (size_t)t.w * (size_t)t.c, total = (size_t)t.h * row;
    double top = 0, worst = 0;
    if ((total + r->step - 1) / r->step != r->n)
        return INFINITY;
    for (size_t i = 0; i < r->n; i++) {
        const size_t at = i * r->step;
        const int y = (int)(at / row), x = (int)(at % row) / t.c, channel = (int)(at % (size_t)t.c);
        const double want = (double)r->values[i];
        if (pass != EVERYWHERE && (y + x) % 2 != pass)
            continue;
        const double error = fabs((double)lic_nn_at(t, y, x)[channel] - want);
        top = fabs(want) > top ? fabs(want) : top;
        worst = error <= worst ? worst : error; /* a NaN stays */
    }
    return worst == 0 ? 0 : worst / top;
}

enum { NAMED = 64 };
/* The name of a layer: "PREFIX.LEAF". */
typedef struct layer_name {
    char text[NAMED];
} layer_name;

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static inline layer_name
named(const char *format, ...)
{
    layer_name n;
    va_list args;
    va_start(args, format);
    vsnprintf(n.text, sizeof n.text, format, args);
    va_end(args);
    return n;
}

/* Checks a layer where there is one to check: not while memory is planned. */
static inline void check_pass(const nn *c, golden *g, layer_name name, tensor t, int pass)
{
    if (lic_nn_idle(c))
        return;
    const double error = golden_error(golden_find(g, "%s", name.text), t, pass);
    if (!(error <= g->worst)) {
        g->worst = error;
        memcpy(g->worst_name, name.text, sizeof g->worst_name);
    }
    if (test_failed(error <= g->tolerance))
        printf("layer %s: relative error %.3g\n", name.text, error);
}

static inline void check_layer(const nn *c, golden *g, layer_name name, tensor t)
{
    check_pass(c, g, name, t, EVERYWHERE);
}

/* Values without a place: gains, gates. */
static inline void check_values(const nn *c, golden *g, layer_name name, const float *values, int n)
{
    check_layer(
        c, g, name,
        (tensor){.data = (float *)(uintptr_t)values, .h = 1, .w = 1, .c = n, .pitch = (size_t)n});
}

/* Says how near everything was; every record must have been looked at. */
static inline void golden_report(golden *g, const char *dump)
{
    int used = 0;
    for (int i = 0; i < g->n_records; i++) {
        used += g->records[i].used == 1;
        if (test_failed(g->records[i].used != 0))
            printf("%s: nothing was compared with %s\n", dump, g->records[i].name);
    }
    printf("%s: %d records compared, worst relative error %.3g in %s\n", dump, used, g->worst,
           g->worst_name);
}

/* ---- running --------------------------------------------------------------------------------- */

/* Runs forward(session, c, user) as the library does: once to plan its memory, once for real. */
static inline void golden_run(const lic_model *model, lic_forward_fn forward, void *user)
{
    lic_session *session = NULL;
    lic_options options;
    lic_error err = {0};
    lic_options_init(&options);
    options.threads = 2;
    CHECK_EQ_INT(lic_session_new(model, &options, &session, &err), LIC_OK);
    if (!err.status)
        CHECK_EQ_INT(lic_session_run(session, forward, user, 64, 64, &err), LIC_OK);
    if (err.status)
        printf("%s\n", err.text);
    lic_session_free(session);
}

static inline tensor new_like(nn *c, tensor t, int channels)
{
    return lic_nn_new(c, t.h, t.w, channels);
}

/* The symbols or values of a whole record as a tensor. */
static inline tensor tensor_of(nn *c, const record *r)
{
    const tensor t = lic_nn_new(c, (int)r->dims[0], (int)r->dims[1], (int)r->dims[2]);
    if (!lic_nn_idle(c))
        memcpy(t.data, r->values, r->n * sizeof *t.data);
    return t;
}

static inline void activate(const nn *c, tensor t, lic_act act)
{
    for (int y = 0; y < t.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < t.w; x++)
            c->k->activate(lic_nn_at(t, y, x), (size_t)t.c, act);
}

static const affine no_rate = {0};

/* A convolution or linear layer without its activation, compared, then activated. */
static inline tensor conv_layer(nn *c, golden *g, layer_name name, const conv *w, tensor x,
                                lic_act act)
{
    const tensor t = lic_nn_new(c, (x.h + w->stride - 1) / w->stride,
                                (x.w + w->stride - 1) / w->stride, w->cout);
    lic_nn_conv(c, w, x, LIC_ACT_NONE, no_rate, NULL, t);
    check_layer(c, g, name, t);
    activate(c, t, act);
    return t;
}

static inline tensor depthwise_layer(nn *c, golden *g, layer_name name, const depthwise *w,
                                     tensor x)
{
    const tensor t = new_like(c, x, x.c);
    lic_nn_depthwise(c, w, x, LIC_ACT_NONE, false, t);
    check_layer(c, g, name, t);
    return t;
}

/* The picture, padded to multiples of 64 with its last row and column, - 0.5. */
static inline tensor padded_picture(nn *c, golden *g)
{
    const record *x = golden_find(g, "x");
    const int h = (int)x->dims[0], w = (int)x->dims[1];
    tensor t = lic_nn_new(c, (h + 63) / 64 * 64, (w + 63) / 64 * 64, 3);
    for (int y = 0; y < t.h && !lic_nn_idle(c); y++)
        for (int i = 0; i < t.w; i++)
            for (int j = 0; j < 3; j++) {
                const int from = (y < h ? y : h - 1) * w + (i < w ? i : w - 1);
                lic_nn_at(t, y, i)[j] = x->values[3 * from + j] - 0.5f;
            }
    return t;
}

/* Samples of pixels from the 12 channels at half the size: channel 4 i + 2 dy + dx is sample i; +
 * offset. */
static inline tensor pixels_of(nn *c, tensor t, float offset)
{
    tensor out = lic_nn_new(c, 2 * t.h, 2 * t.w, 3);
    for (int y = 0; y < out.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < out.w; x++)
            for (int i = 0; i < 3; i++)
                lic_nn_at(out, y, x)[i] =
                    lic_nn_at(t, y / 2, x / 2)[4 * i + 2 * (y % 2) + x % 2] + offset;
    return out;
}

/* For range encoders. */
static inline void *golden_grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)user;
    (void)old_bytes;
    return realloc(old, new_bytes);
}

static inline void check_same(const nn *c, const char *what, tensor a, tensor b)
{
    for (int y = 0; y < a.h && !lic_nn_idle(c); y++)
        for (int x = 0; x < a.w; x++)
            test_check_mem(lic_nn_at(a, y, x), lic_nn_at(b, y, x), (size_t)a.c * sizeof(float),
                           what, __FILE__, __LINE__);
}

#endif
