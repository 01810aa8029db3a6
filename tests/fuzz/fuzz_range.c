/* fuzz_range.c - the range decoder with tables and bytes of the fuzzer's choice. Decoding must end, stay
 * inside of its input, and accept nothing but what the encoder writes for the symbols decoded.
 *
 * Input: number of tables - 1, symbols wanted (2 bytes), kind of tables, then the tables (raw, or made
 * valid), then the code. */
#include "entropy/range_coder.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_TABLES = 8, MAX_CUM = 1024, MAX_SYMBOLS = 8192 };

static uint16_t cum[MAX_CUM];
static int32_t start[MAX_TABLES + 1], first[MAX_TABLES];
static lic_cdf tables[MAX_TABLES];
static uint16_t lookup[MAX_TABLES * LIC_CDF_LOOKUP_SIZE];
static uint8_t index_of[MAX_SYMBOLS];
static int32_t values[MAX_SYMBOLS], again[MAX_SYMBOLS];

/* As they come: most are refused. */
static size_t raw_tables(lic_reader *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        start[i + 1] = (int32_t)lic_read_u16(r);
        first[i] = (int32_t)lic_read_u32(r);
    }
    start[0] = 0;
    size_t n_cum = lic_read_u8(r) * 4u;
    for (size_t i = 0; i < n_cum; i++)
        cum[i] = lic_read_u16(r);
    return n_cum;
}

/* Each table: first value, symbols, and steps that are made to rise and to fit. */
static size_t valid_tables(lic_reader *r, uint32_t n)
{
    size_t at = 0;
    start[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t kind = lic_read_u8(r), symbols = 1 + lic_read_u8(r) % (MAX_CUM / MAX_TABLES);
        first[i] = kind & 1 ? (int32_t)lic_read_u32(r) : -(int32_t)(symbols / 2);
        if (first[i] > INT32_MAX - MAX_CUM)
            first[i] = INT32_MAX - (int32_t)symbols;
        uint32_t sum = 0;
        for (uint32_t k = 0; k < symbols; k++) {
            cum[at++] = (uint16_t)sum;
            const uint32_t left = 65535 - sum - (symbols - 1 - k);
            const uint32_t step = kind & 2 ? lic_read_u16(r) : lic_read_u8(r);
            sum += 1 + (k + 1 < symbols ? step % (left ? left : 1) : 0);
        }
        start[i + 1] = (int32_t)at;
    }
    return at;
}

static void *grow(void *user, void *old, size_t old_bytes, size_t new_bytes)
{
    (void)user;
    (void)old_bytes;
    return realloc(old, new_bytes);
}

/* The decoder said that an encoder would write these bytes. */
static void check_encoder(const lic_cdf_set *set, size_t n, const uint8_t *code, size_t bytes)
{
    lic_range_encoder enc;
    lic_range_encoder_init(&enc, grow, NULL);
    lic_range_encode_many(&enc, set, index_of, values, n);
    FUZZ_CHECK(lic_range_finish(&enc));
    FUZZ_CHECK(enc.bytes == bytes && (!bytes || !memcmp(enc.data, code, bytes)));
    free(enc.data);
}

/* Symbol by symbol gives what all at once gave. */
static void check_single(const lic_cdf_set *set, size_t n, const uint8_t *code, size_t bytes, bool ok)
{
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, code, bytes);
    for (size_t i = 0; i < n; i++)
        again[i] = lic_range_decode(&dec, &set->tables[index_of[i]]);
    FUZZ_CHECK(lic_range_decoder_ok(&dec) == ok && !memcmp(values, again, n * sizeof *values));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    lic_reader r = {data, data + bytes, false};
    const uint32_t n_tables = 1 + lic_read_u8(&r) % MAX_TABLES;
    const size_t n = lic_read_u16(&r) % MAX_SYMBOLS;
    const bool raw = lic_read_u8(&r) & 1;
    const size_t n_cum = raw ? raw_tables(&r, n_tables) : valid_tables(&r, n_tables);
    lic_cdf_set set;
    const bool built = lic_cdf_set_init(&set, n_tables, cum, n_cum, start, first, tables, lookup);
    FUZZ_CHECK(built || raw);
    if (!built)
        return 0;
    const size_t code_bytes = (size_t)(r.end - r.at);
    uint8_t *code = fuzz_copy(r.at, code_bytes);
    for (size_t i = 0; i < n; i++)
        index_of[i] = (uint8_t)((i * 7 + i / 3) % n_tables);
    lic_range_decoder dec;
    lic_range_decoder_init(&dec, code, code_bytes);
    lic_range_decode_many(&dec, &set, index_of, values, n);
    const bool ok = lic_range_decoder_ok(&dec);
    check_single(&set, n, code, code_bytes, ok);
    if (ok)
        check_encoder(&set, n, code, code_bytes);
    free(code);
    return 0;
}
