/* weights.c - see weights.h: the parser of .licw files, and plain arrays in them.
 * Little-endian fields are read byte by byte, so any host reads the same file. */
#include "models/weights_entry.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

#include <stdio.h>
#include <string.h>

enum { HEAD = LIC_WEIGHTS_HEAD, FAMILY = 16, CONFIG = 64, ENTRY = 128, KEY = 24 };
enum { MAX_CONFIG = 256, MAX_TENSORS = 4096 };

/* From a place in the head to its end. */
static lic_reader head_at(const lic_weights *w, size_t at)
{
    return (lic_reader){.at = w->data + at, .end = w->data + HEAD};
}

/* ---- the file ---- */

uint64_t lic_weights_payload(const lic_weights *w)
{
    lic_reader r = head_at(w, 32);
    return lic_read_u64(&r);
}

lic_status lic_weights_check_head(lic_weights *w)
{
    static const uint8_t signature[8] = {0x8F, 'l', 'i', 'c', 'w', 0x0D, 0x0A, 0x1A};
    if (memcmp(w->data, signature, sizeof signature))
        return LIC_WEIGHTS_FAIL(w, "not a weights file (.licw)");
    lic_reader r = head_at(w, 8);
    w->version = lic_read_u32(&r);
    if (w->version < 1 || w->version > 4)
        return LIC_WEIGHTS_FAIL(w, "weights file of version %u; this program reads versions 1 to 4",
                                (unsigned)w->version);
    w->n_config = lic_read_u32(&r);
    w->n_tensors = lic_read_u32(&r);
    (void)lic_read_u32(&r); /* the checksum */
    const uint64_t file_bytes = lic_read_u64(&r), payload = lic_read_u64(&r);
    w->hash = lic_read_u64(&r);
    if (w->n_config > MAX_CONFIG || w->n_tensors > MAX_TENSORS)
        return LIC_WEIGHTS_FAIL(w, "weights file with too many entries");
    const size_t tables = HEAD + (size_t)w->n_config * CONFIG + (size_t)w->n_tensors * ENTRY;
    if (file_bytes != w->bytes)
        return LIC_WEIGHTS_FAIL(w,
                                "the weights file is cut short or padded: %zu bytes, %llu expected",
                                w->bytes, (unsigned long long)file_bytes);
    if (payload % LIC_ALIGN || payload < tables || payload > w->bytes)
        return LIC_WEIGHTS_FAIL(w, "weights file with a payload out of place");
    return LIC_OK;
}

static lic_status check_sum(lic_weights *w)
{
    static const uint8_t zeros[4] = {0};
    lic_reader r = head_at(w, 20);
    const uint32_t crc = lic_read_u32(&r);
    uint32_t sum = lic_crc32(0, w->data, 20);
    sum = lic_crc32(sum, zeros, sizeof zeros);
    sum = lic_crc32(sum, w->data + 24, (size_t)lic_weights_payload(w) - 24);
    if (sum != crc)
        return LIC_WEIGHTS_FAIL(w, "the weights file is damaged (checksum of its head)");
    return LIC_OK;
}

void lic_weights_family(lic_weights *w, const char *family, const char *otherwise)
{
    char padded[FAMILY] = {0};
    strncpy(padded, family, sizeof padded - 1);
    if (memcmp(w->data + HEAD - FAMILY, padded, FAMILY))
        LIC_WEIGHTS_FAIL(w, "%s", otherwise);
}

static lic_entry entry_at(const lic_weights *w, uint32_t i)
{
    const size_t at = HEAD + (size_t)w->n_config * CONFIG + (size_t)i * ENTRY;
    lic_reader r = {.at = w->data + at + LIC_TENSOR_NAME, .end = w->data + at + ENTRY};
    lic_entry e = {.name = (const char *)w->data + at};
    e.type = lic_read_u32(&r);
    e.rank = lic_read_u32(&r);
    for (int d = 0; d < 4; d++)
        e.dims[d] = lic_read_u32(&r);
    e.offset = (size_t)lic_read_u64(&r);
    e.bytes = (size_t)lic_read_u64(&r);
    e.crc = lic_read_u32(&r);
    return e;
}

/* Counts the elements; false if dimensions, type, size or place do not agree. */
static bool check_entry(const lic_weights *w, lic_entry *e)
{
    static const size_t size[LIC_N_TENSOR_TYPES] = {4, 2, 2, 4, 1};
    const uint32_t types = w->version == 1 ? LIC_TENSOR_I8 : LIC_N_TENSOR_TYPES;
    size_t bytes, end;
    if (!memchr(e->name, 0, LIC_TENSOR_NAME) || !e->name[0] || e->type >= types || e->rank < 1 ||
        e->rank > 4)
        return false;
    e->count = 1;
    for (uint32_t d = 0; d < 4; d++)
        if (!e->dims[d] || (d >= e->rank && e->dims[d] != 1) ||
            !lic_mul_size(e->count, e->dims[d], &e->count))
            return false;
    return lic_mul_size(e->count, size[e->type], &bytes) && bytes == e->bytes &&
           e->offset % LIC_ALIGN == 0 && lic_add_size(e->offset, e->bytes, &end) && end <= w->bytes;
}

static const char *name_at(const lic_weights *w, uint32_t i)
{
    return (const char *)w->data + HEAD + (size_t)w->n_config * CONFIG + (size_t)i * ENTRY;
}

static lic_status check_entries(lic_weights *w)
{
    for (uint32_t i = 0; i < w->n_config; i++)
        if (!memchr(w->data + HEAD + (size_t)i * CONFIG, 0, KEY))
            return LIC_WEIGHTS_FAIL(w, "weights file with a bad configuration entry");
    size_t end = (size_t)lic_weights_payload(w);
    for (uint32_t i = 0; i < w->n_tensors; i++) {
        lic_entry e = entry_at(w, i);
        if (!check_entry(w, &e))
            return LIC_WEIGHTS_FAIL(w, "weights file with a bad tensor entry (number %u)",
                                    (unsigned)i);
        if (e.offset < end) /* overlaps would let a small file ask for any amount of memory */
            return LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s out of place", e.name);
        end = e.offset + e.bytes;
    }
    return LIC_OK;
}

lic_status lic_weights_check_tables(lic_weights *w)
{
    return check_sum(w) ? w->status : check_entries(w);
}

lic_status lic_weights_open(lic_weights *w, const void *data, size_t bytes,
                            const lic_allocator *allocator, lic_error *err)
{
    *w = (lic_weights){.err = err, .allocator = allocator, .fd = -1, .data = data, .bytes = bytes};
    if (bytes < HEAD)
        return LIC_WEIGHTS_FAIL(w, "not a weights file: %zu bytes", bytes);
    return lic_weights_check_head(w) ? w->status : lic_weights_check_tables(w);
}

const uint8_t *lic_weights_bytes(const lic_weights *w, size_t at, size_t n, uint8_t *buffer,
                                 int *why)
{
    if (!w->read)
        return w->data + at;
    *why = w->read(w, at, n, buffer);
    return *why ? NULL : buffer;
}

lic_status lic_weights_fail_read(lic_weights *w, int why)
{
    if (why == LIC_WEIGHTS_CUT)
        return LIC_WEIGHTS_FAIL(w, "the weights file was cut short while it was read");
    if (!w->status)
        w->status =
            lic_fail(w->err, LIC_ERR_MODEL_OPEN, "cannot read the weights file: %s", strerror(why));
    return w->status;
}

/* ---- passes ---- */

void lic_weights_begin(lic_weights *w, lic_arena *arena)
{
    memset(w->used, 0, sizeof w->used);
    w->arena = arena;
    w->n_jobs = 0;
}

lic_status lic_weights_fail_sum(lic_weights *w, const char *name)
{
    return LIC_WEIGHTS_FAIL(w, "the weights file is damaged (checksum of %s)", name);
}

/* Of two tensors of one name only one is found. */
static lic_status fail_unused(lic_weights *w, uint32_t unused)
{
    const char *name = name_at(w, unused);
    for (uint32_t i = 0; i < w->n_tensors; i++)
        if (i != unused && !strcmp(name_at(w, i), name))
            return LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s twice", name);
    return LIC_WEIGHTS_FAIL(w, "weights file with an unknown tensor, %s", name);
}

lic_status lic_weights_end(lic_weights *w)
{
    for (uint32_t i = 0; i < w->n_tensors && !w->status; i++)
        if (!w->used[i])
            fail_unused(w, i);
    lic_weights_convert(w);
    if (!w->status && w->arena->failed)
        w->status = lic_fail(w->err, LIC_ERR_MEMORY, "not enough memory for the weights");
    return w->status;
}

/* ---- configuration
 * -------------------------------------------------------------------------------- */

static const uint8_t *config_value(lic_weights *w, const char *key, uint32_t type)
{
    const uint8_t *found = NULL;
    for (uint32_t i = 0; i < w->n_config; i++) {
        const uint8_t *at = w->data + HEAD + (size_t)i * CONFIG;
        lic_reader r = {.at = at + KEY, .end = at + CONFIG};
        if (strcmp((const char *)at, key))
            continue;
        if (found || lic_read_u32(&r) != type) {
            LIC_WEIGHTS_FAIL(w, "weights file with a bad configuration entry, %s", key);
            return NULL;
        }
        found = at + KEY + 8;
    }
    if (!found)
        LIC_WEIGHTS_FAIL(w, "weights file without the configuration entry %s", key);
    return found;
}

uint64_t lic_weights_count(lic_weights *w, const char *key)
{
    const uint8_t *at = config_value(w, key, 0);
    lic_reader r = {.at = at, .end = at ? at + 8 : at};
    return at ? lic_read_u64(&r) : 0;
}

int lic_weights_int(lic_weights *w, const char *key, int min, int max)
{
    const uint64_t v = lic_weights_count(w, key);
    if (v < (uint64_t)min || v > (uint64_t)max) {
        LIC_WEIGHTS_FAIL(w, "weights file with %s out of range", key);
        return min;
    }
    return (int)v;
}

void lic_weights_text(lic_weights *w, const char *key, char *out, size_t out_bytes)
{
    const uint8_t *at = config_value(w, key, 1);
    out[0] = 0;
    if (!at)
        return;
    if (!memchr(at, 0, 32)) {
        LIC_WEIGHTS_FAIL(w, "weights file with a bad configuration entry, %s", key);
        return;
    }
    snprintf(out, out_bytes, "%s", (const char *)at);
}

/* ---- tensors
 * --------------------------------------------------------------------------------------- */

/* The number of a tensor; n_tensors: it is not there. Files have them nearly in the order in which
 * they are asked for. */
static uint32_t look_for(lic_weights *w, const char *name)
{
    for (uint32_t k = 0; k < w->n_tensors && !w->status; k++) {
        const uint32_t i = (w->found + k) % w->n_tensors;
        if (!strcmp(name_at(w, i), name))
            return w->found = i;
    }
    return w->n_tensors;
}

uint32_t lic_weights_dim(lic_weights *w, const char *name, int dim)
{
    const uint32_t i = look_for(w, name);
    return i < w->n_tensors ? entry_at(w, i).dims[dim] : 0;
}

uint32_t lic_entry_type(lic_weights *w, const char *name)
{
    const uint32_t i = look_for(w, name);
    return i < w->n_tensors ? entry_at(w, i).type : LIC_N_TENSOR_TYPES;
}

bool lic_entry_find(lic_weights *w, const char *name, lic_entry *out)
{
    const uint32_t i = look_for(w, name);
    if (i == w->n_tensors) {
        LIC_WEIGHTS_FAIL(w, "weights file without the tensor %s", name);
        return false;
    }
    if (w->used[i]++) {
        LIC_WEIGHTS_FAIL(w, "the tensor %s is asked for twice", name);
        return false;
    }
    *out = entry_at(w, i);
    check_entry(w, out); /* sets the count; verified when the file was opened */
    return true;
}

bool lic_entry_check(lic_weights *w, const lic_entry *e, int rank, const uint32_t dims[4],
                     bool right_type)
{
    bool same = right_type && e->rank == (uint32_t)rank;
    for (int d = 0; d < rank; d++)
        same &= e->dims[d] == dims[d];
    if (!same)
        LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s of another type or shape", e->name);
    return same;
}

bool lic_entry_find_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4],
                           lic_entry *e)
{
    return lic_entry_find(w, name, e) &&
           lic_entry_check(w, e, rank, dims,
                           e->type == LIC_TENSOR_F32 || e->type == LIC_TENSOR_F16);
}

static float *take(lic_weights *w, size_t n)
{
    float *out = lic_arena_take(w->arena, n + LIC_PANEL, sizeof *out);
    if (out)
        memset(out + n, 0, LIC_PANEL * sizeof *out);
    return out;
}

/* Reads and converts an array part by part. */
static void fill(lic_weights *w, const lic_entry *e, float *out)
{
    uint8_t buffer[2048];
    const size_t size = e->type == LIC_TENSOR_F16 ? 2 : 4, step = sizeof buffer / size;
    uint32_t crc = 0;
    bool good = true;
    int why = 0;
    for (size_t i = 0, n; i < e->count && !w->status; i += n) {
        n = e->count - i < step ? e->count - i : step;
        const uint8_t *part = lic_weights_bytes(w, e->offset + i * size, n * size, buffer, &why);
        if (!part) {
            lic_weights_fail_read(w, why);
            return;
        }
        crc = lic_crc32(crc, part, n * size);
        good &= lic_pack_values(out + i, part, size == 2, n);
    }
    if (crc != e->crc)
        lic_weights_fail_sum(w, e->name);
    else if (!good)
        LIC_WEIGHTS_FAIL(w, "weights file with values out of range in %s", e->name);
}

const float *lic_weights_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4])
{
    lic_entry e;
    if (!lic_entry_find_floats(w, name, rank, dims, &e))
        return NULL;
    float *out = w->leaves ? NULL : take(w, e.count);
    if (out)
        fill(w, &e, out);
    return out;
}

/* Integer arrays are copied unchanged. That needs a little-endian host, which all our targets
 * are. */
static const void *integers(lic_weights *w, const char *name, uint32_t type, size_t *n)
{
    lic_entry e;
    *n = 0;
    if (!lic_entry_find(w, name, &e))
        return NULL;
    if (e.type != type || e.rank != 1) {
        LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s of another type or shape", name);
        return NULL;
    }
    uint8_t *out = lic_arena_take(w->arena, e.bytes, 1);
    int why = 0;
    const uint8_t *from = out ? lic_weights_bytes(w, e.offset, e.bytes, out, &why) : NULL;
    if (why)
        lic_weights_fail_read(w, why);
    if (from && lic_crc32(0, from, e.bytes) != e.crc)
        lic_weights_fail_sum(w, name);
    if (from && from != out)
        memcpy(out, from, e.bytes);
    *n = e.count;
    return out;
}

const uint16_t *lic_weights_u16(lic_weights *w, const char *name, size_t *n)
{
    return integers(w, name, LIC_TENSOR_U16, n);
}

const int32_t *lic_weights_i32(lic_weights *w, const char *name, size_t *n)
{
    return integers(w, name, LIC_TENSOR_I32, n);
}
