/* bench_payloads.c - random bytes through the range decoder, by the million. It must end, stay
 * inside its input, give the same all at once and symbol by symbol, and accept only what an encoder
 * would write. For long runs by hand; tests/unit has short ones. One JSON line; exit 1 at the first
 * payload that breaks a rule, which is named by its number.
 *
 *     cc -std=c11 -O2 -I. [-fsanitize=address] tests/bench/bench_payloads.c build/liblic.a -lm -lz
 * -ldl -pthread -o payloads && ./payloads 10000000 [SEED] */
#include "tests/entropy_fixture.h"

#include <inttypes.h>
#include <stdio.h>

enum { MOST_BYTES = 48, MOST_SYMBOLS = 160 };

static uint64_t state;

static uint32_t below(uint32_t n)
{
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)(((z ^ (z >> 31)) >> 32) * n >> 32);
}

/* The codec's Gaussians, and tables with one symbol, rare ones, and values at the ends of int32. */
static bool make_tables(fixture *f)
{
    static const uint32_t one[] = {65536}, rare[] = {1, 65534, 1},
                          even[] = {16384, 16384, 16384, 16384};
    fixture_gaussians(f);
    fixture_add(f, INT32_MIN, one, 1);
    fixture_add(f, 0, rare, 3);
    fixture_add(f, INT32_MAX - 4, even, 4);
    return fixture_finish(f);
}

/* Runs of one byte are likelier than by chance: carries and the end of the code live there. */
static size_t make_payload(uint8_t *data)
{
    static const uint8_t fills[] = {0x00, 0xFF, 0x80, 0x7F};
    const size_t bytes = below(MOST_BYTES + 1);
    const uint32_t kind = below(8);
    for (size_t i = 0; i < bytes; i++)
        data[i] = kind < 4 && below(8) ? fills[kind] : (uint8_t)below(256);
    return bytes;
}

static bool encodes_to(const lic_cdf_set *set, const uint8_t *index, const int32_t *values,
                       size_t n, const uint8_t *data, size_t bytes)
{
    grow_state g = {-1, 0};
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, fixture_grow, &g);
    lic_range_encode_many(&enc, set, index, values, n);
    const bool same =
        lic_range_finish(&enc) && enc.bytes == bytes && (!bytes || !memcmp(enc.data, data, bytes));
    free(enc.data);
    return same;
}

/* What broke, or NULL. */
static const char *try_one(const lic_cdf_set *set, uint64_t *n_taken)
{
    uint8_t bytes[MOST_BYTES], index[MOST_SYMBOLS];
    int32_t values[MOST_SYMBOLS], again[MOST_SYMBOLS];
    const size_t n_bytes = make_payload(bytes), n = below(below(4) ? 24 : MOST_SYMBOLS);
    uint8_t *data = malloc(n_bytes + (n_bytes == 0)); /* exact, for a sanitizer */
    lic_range_decoder dec;
    if (!data)
        return "no memory";
    memcpy(data, bytes, n_bytes);
    const uint32_t only = below(2) ? below(set->n_tables) : set->n_tables;
    for (size_t i = 0; i < n; i++)
        index[i] = (uint8_t)(only < set->n_tables ? only : below(set->n_tables));
    lic_range_decoder_init(&dec, data, n_bytes);
    lic_range_decode_many(&dec, set, index, values, n);
    const bool ok = lic_range_decoder_ok(&dec);
    const char *broken =
        dec.at > dec.end || !(dec.code < dec.range || dec.corrupt) ? "state" : NULL;
    lic_range_decoder_init(&dec, data, n_bytes);
    for (size_t i = 0; i < n; i++)
        again[i] = lic_range_decode(&dec, &set->tables[index[i]]);
    if (!broken &&
        (lic_range_decoder_ok(&dec) != ok || memcmp(values, again, n * sizeof *values) != 0))
        broken = "one by one";
    if (!broken && ok && !encodes_to(set, index, values, n, data, n_bytes))
        broken = "the encoder's bytes";
    *n_taken += ok;
    free(data);
    return broken;
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t taken = 0;
    fixture f = {0};
    state = seed;
    if (!make_tables(&f))
        return fprintf(stderr, "the tables are not valid\n"), 2;
    for (uint64_t i = 0; i < n; i++) {
        const char *broken = try_one(&f.set, &taken);
        if (broken) {
            printf("{\"payload\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"broken\": \"%s\"}\n", i,
                   seed, broken);
            return 1;
        }
    }
    printf("{\"payloads\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"accepted\": %" PRIu64
           ", \"broken\": 0}\n",
           n, seed, taken);
    fixture_free(&f);
    return 0;
}
