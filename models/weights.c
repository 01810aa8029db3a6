/* weights.c - see weights.h: the parser of .licw files, and plain arrays in them.
 * Little-endian fields are read byte by byte, so any host reads the same file. */
#include "models/weights_entry.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD = 64, CONFIG = 64, ENTRY = 128, MAX_CONFIG = 256, MAX_TENSORS = 4096, KEY = 24 };

static lic_reader reader_at(const lic_weights *w, size_t at)
{
    return (lic_reader){.at = w->data + at, .end = w->data + w->bytes};
}

/* ---- the file ---- */

static lic_status fail_open(lic_error *err, const char *what)
{
    return lic_fail(err, LIC_ERR_MODEL_OPEN, "cannot %s the weights file: %s", what,
                    strerror(errno));
}

static lic_status read_all(int fd, uint8_t *to, size_t bytes, lic_error *err)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = read(fd, to + done, bytes - done);
        if (got < 0 && errno != EINTR)
            return fail_open(err, "read");
        if (got == 0)
            return lic_fail(err, LIC_ERR_MODEL_INVALID,
                            "the weights file was cut short while it was read");
        done += got > 0 ? (size_t)got : 0;
    }
    return LIC_OK;
}

static lic_status read_file(int fd, const lic_allocator *allocator, lic_arena *out, size_t *bytes,
                            lic_error *err)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return lic_fail(err, LIC_ERR_MODEL_OPEN, "the weights file is not a regular file");
    if (st.st_size < HEAD || (uint64_t)st.st_size > SIZE_MAX / 2)
        return lic_fail(err, LIC_ERR_MODEL_INVALID, "not a weights file: %lld bytes",
                        (long long)st.st_size);
    *bytes = (size_t)st.st_size;
    if (!lic_arena_reserve(out, *bytes + LIC_ALIGN, allocator))
        return lic_fail(err, LIC_ERR_MEMORY, "not enough memory for the weights file");
    return read_all(fd, lic_arena_take(out, *bytes, 1), *bytes, err);
}

/* The file is read, not mapped. If another process cut a mapped file short, this one would die; and
 * verified bytes could change before they are used. */
lic_status lic_weights_read(const char *path, const lic_allocator *allocator, lic_arena *out,
                            size_t *bytes, lic_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_open(err, "open");
    const lic_status status = read_file(fd, allocator, out, bytes, err);
    close(fd);
    return status;
}

static lic_status check_head(lic_weights *w)
{
    static const uint8_t signature[8] = {0x8F, 'l', 'i', 'c', 'w', 0x0D, 0x0A, 0x1A};
    static const uint8_t zeros[4] = {0};
    if (memcmp(w->data, signature, sizeof signature))
        return LIC_WEIGHTS_FAIL(w, "not a weights file (.licw)");
    lic_reader r = reader_at(w, 8);
    w->version = lic_read_u32(&r);
    if (w->version < 1 || w->version > 3)
        return LIC_WEIGHTS_FAIL(w, "weights file of version %u; this program reads versions 1 to 3",
                                (unsigned)w->version);
    w->n_config = lic_read_u32(&r);
    w->n_tensors = lic_read_u32(&r);
    const uint32_t crc = lic_read_u32(&r);
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
    uint32_t sum = lic_crc32(0, w->data, 20);
    sum = lic_crc32(sum, zeros, sizeof zeros);
    sum = lic_crc32(sum, w->data + 24, (size_t)payload - 24);
    if (sum != crc)
        return LIC_WEIGHTS_FAIL(w, "the weights file is damaged (checksum of its head)");
    if (memcmp(w->data + 48, "s2lic\0\0\0\0\0\0\0\0\0\0", 16))
        return LIC_WEIGHTS_FAIL(w, "weights of another network family");
    return LIC_OK;
}

static lic_entry entry_at(const lic_weights *w, uint32_t i)
{
    const size_t at = HEAD + (size_t)w->n_config * CONFIG + (size_t)i * ENTRY;
    lic_reader r = reader_at(w, at + LIC_TENSOR_NAME);
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

static uint64_t payload_of(const lic_weights *w)
{
    lic_reader r = reader_at(w, 32);
    return lic_read_u64(&r);
}

static lic_status check_tables(lic_weights *w)
{
    for (uint32_t i = 0; i < w->n_config; i++)
        if (!memchr(w->data + HEAD + (size_t)i * CONFIG, 0, KEY))
            return LIC_WEIGHTS_FAIL(w, "weights file with a bad configuration entry");
    size_t end = (size_t)payload_of(w);
    for (uint32_t i = 0; i < w->n_tensors; i++) {
        lic_entry e = entry_at(w, i);
        if (!check_entry(w, &e))
            return LIC_WEIGHTS_FAIL(w, "weights file with a bad tensor entry (number %u)",
                                    (unsigned)i);
        if (e.offset < end) /* overlaps would let a small file ask for any amount of memory */
            return LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s out of place", e.name);
        end = e.offset + e.bytes;
        for (uint32_t j = 0; j < i; j++)
            if (!strcmp(name_at(w, j), e.name))
                return LIC_WEIGHTS_FAIL(w, "weights file with the tensor %s twice", e.name);
    }
    return LIC_OK;
}

/* Verifies one tensor's checksum; `used` keeps the result until all are done. */
static void checksum(void *user, size_t item, int worker)
{
    (void)worker;
    lic_weights *w = user;
    const lic_entry e = entry_at(w, (uint32_t)item);
    w->used[item] = lic_crc32(0, w->data + e.offset, e.bytes) != e.crc;
}

static lic_status check_payload(lic_weights *w)
{
    lic_pool_run(w->pool, w->n_tensors, checksum, w);
    for (uint32_t i = 0; i < w->n_tensors; i++)
        if (w->used[i])
            return LIC_WEIGHTS_FAIL(w, "the weights file is damaged (checksum of %s)",
                                    name_at(w, i));
    return LIC_OK;
}

lic_status lic_weights_open(lic_weights *w, const void *data, size_t bytes, lic_pool *pool,
                            lic_error *err)
{
    memset(w, 0, sizeof *w);
    w->err = err;
    w->pool = pool;
    w->data = data;
    w->bytes = bytes;
    if (bytes < HEAD)
        return LIC_WEIGHTS_FAIL(w, "not a weights file: %zu bytes", bytes);
    if (!check_head(w) && !check_tables(w))
        check_payload(w);
    return w->status;
}

void lic_weights_begin(lic_weights *w, lic_arena *arena)
{
    memset(w->used, 0, sizeof w->used);
    w->arena = arena;
    w->n_jobs = 0;
}

/* Runs the conversions that the layers asked for. */
static void run_jobs(lic_weights *w)
{
    if (w->status || w->arena->planning || w->arena->failed)
        return;
    lic_pack_run(w->jobs, w->n_jobs, w->pool);
    for (size_t i = 0; i < w->n_jobs; i++)
        if (w->jobs[i].bad)
            LIC_WEIGHTS_FAIL(w, "weights file with values out of range in %s", w->jobs[i].name);
}

lic_status lic_weights_end(lic_weights *w)
{
    for (uint32_t i = 0; i < w->n_tensors && !w->status; i++)
        if (!w->used[i])
            LIC_WEIGHTS_FAIL(w, "weights file with an unknown tensor, %s", name_at(w, i));
    run_jobs(w);
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

uint32_t lic_weights_dim(const lic_weights *w, const char *name, int dim)
{
    for (uint32_t i = 0; i < w->n_tensors && !w->status; i++)
        if (!strcmp(name_at(w, i), name))
            return entry_at(w, i).dims[dim];
    return 0;
}

uint32_t lic_entry_type(const lic_weights *w, const char *name)
{
    for (uint32_t i = 0; i < w->n_tensors && !w->status; i++)
        if (!strcmp(name_at(w, i), name))
            return entry_at(w, i).type;
    return LIC_N_TENSOR_TYPES;
}

bool lic_entry_find(lic_weights *w, const char *name, lic_entry *out)
{
    for (uint32_t i = 0; i < w->n_tensors && !w->status; i++) {
        if (strcmp(name_at(w, i), name))
            continue;
        lic_entry e = entry_at(w, i);
        if (w->used[i]++) {
            LIC_WEIGHTS_FAIL(w, "the tensor %s is asked for twice", name);
            return false;
        }
        check_entry(w, &e); /* sets the count; verified when the file was opened */
        *out = e;
        return true;
    }
    LIC_WEIGHTS_FAIL(w, "weights file without the tensor %s", name);
    return false;
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

const float *lic_weights_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4])
{
    lic_entry e;
    if (!lic_entry_find_floats(w, name, rank, dims, &e))
        return NULL;
    float *out = take(w, e.count);
    if (out && !lic_pack_values(out, w->data + e.offset, e.type == LIC_TENSOR_F16, e.count))
        LIC_WEIGHTS_FAIL(w, "weights file with values out of range in %s", name);
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
    void *out = lic_arena_take(w->arena, e.bytes, 1);
    if (out)
        memcpy(out, w->data + e.offset, e.bytes);
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
