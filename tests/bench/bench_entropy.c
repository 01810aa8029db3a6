/* bench_entropy.c - nanoseconds per symbol of the range coder, one JSON line per case.
 *
 * Which tables are used, and how often, was counted on a Kodak picture (kodim04, 393,216 symbols)
 * with a trained student at three rate levels. They come in random order here, which is harder to
 * predict than a picture. Argument: repetitions; the best one is reported. */
#define _POSIX_C_SOURCE 200809L
#include "tests/entropy_fixture.h"

#include <stdio.h>
#include <time.h>

#define N_SYMBOLS 393216

static const struct {
    const char *name;
    uint32_t count[64];
} cases[] = {
    {"0.10 bpp", {276755, 21409, 13232, 10329, 8689, 7782, 7241, 6708, 6404, 6507, 5662,
                  4957,   4339,  3524,  2579,  1866, 1365, 986,  764,  562,  397,  302,
                  265,    205,   118,   103,   62,   43,   29,   14,   9,    8,    1}},
    {"0.25 bpp",
     {215763, 20072, 13935, 11901, 10476, 10155, 10064, 9745, 9843, 9708, 9816, 9273, 8845,
      8108,   7380,  6181,  4953,  4080,  3100,  2469,  1880, 1389, 1043, 821,  540,  414,
      334,    245,   204,   147,   121,   83,    45,    28,   21,   15,   13,   2,    4}},
    {"0.70 bpp",
     {140646, 18496, 9609,  7791,  7189,  7075,  7302,  7920, 8633, 9497, 10222, 10937, 11432,
      12147,  12691, 12817, 12308, 12044, 11508, 10240, 9063, 7757, 6940, 5918,  4970,  3945,
      3106,   2514,  2031,  1573,  1165,  870,   650,   528,  395,  305,  230,   204,   141,
      129,    104,   70,    37,    28,    10,    10,    10,   3,    3,    3}},
};

static uint8_t table[N_SYMBOLS];
static int32_t values[N_SYMBOLS], decoded[N_SYMBOLS];

static uint32_t random_below(uint32_t n)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 32) * n) >> 32);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Draws symbols in proportion to the counts, in random order. */
static void fill(const lic_cdf_set *set, const uint32_t *count)
{
    size_t n = 0;
    for (uint32_t t = 0; t < 64; t++)
        for (uint32_t j = 0; j < count[t] && n < N_SYMBOLS; j++)
            table[n++] = (uint8_t)t;
    for (size_t i = N_SYMBOLS - 1; i > 0; i--) {
        size_t j = random_below((uint32_t)i + 1);
        uint8_t swap = table[i];
        table[i] = table[j];
        table[j] = swap;
    }
    for (size_t i = 0; i < N_SYMBOLS; i++) {
        const lic_cdf *c = &set->tables[table[i]];
        uint32_t q = random_below(LIC_CDF_TOTAL), k = 0;
        while (k + 1 < c->n && c->cum[k + 1] <= q)
            k++;
        values[i] = c->first + (int32_t)k;
    }
}

/* Nanoseconds a symbol, the best of the repetitions, each way. */
static void bench(const lic_cdf_set *set, const char *name, int repetitions)
{
    double best[2] = {1e9, 1e9};
    size_t bytes = 0;
    bool ok = true;
    for (int r = 0; r < repetitions && ok; r++) {
        grow_state g = {-1, 0};
        lic_range_encoder enc;
        lic_range_decoder dec;
        double t0 = seconds();
        lic_range_encoder_init(&enc, fixture_grow, &g);
        lic_range_encode_many(&enc, set, table, values, N_SYMBOLS);
        ok = lic_range_finish(&enc);
        double t1 = seconds();
        lic_range_decoder_init(&dec, enc.data, enc.bytes);
        lic_range_decode_many(&dec, set, table, decoded, N_SYMBOLS);
        double t2 = seconds();
        ok = ok && lic_range_decoder_ok(&dec) && memcmp(values, decoded, sizeof values) == 0;
        best[0] = t1 - t0 < best[0] ? t1 - t0 : best[0];
        best[1] = t2 - t1 < best[1] ? t2 - t1 : best[1];
        bytes = enc.bytes;
        free(enc.data);
    }
    printf("{\"bench\": \"entropy\", \"case\": \"%s\", \"symbols\": %d, \"bytes\": %zu, "
           "\"encode_ns\": %.2f, \"decode_ns\": %.2f, \"ok\": %s}\n",
           name, N_SYMBOLS, bytes, best[0] * 1e9 / N_SYMBOLS, best[1] * 1e9 / N_SYMBOLS,
           ok ? "true" : "false");
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 20;
    fixture f = {0};
    fixture_gaussians(&f);
    if (!fixture_finish(&f))
        return 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fill(&f.set, cases[i].count);
        bench(&f.set, cases[i].name, repetitions);
    }
    fixture_free(&f);
    return 0;
}
