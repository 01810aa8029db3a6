/* weights_convert.c - what the layers asked for, on all threads: each tensor is read once, in parts
 * that stay in a near cache while their checksum is taken and they are packed. */
#include "models/weights_entry.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

typedef struct conversion {
    const lic_weights *w;
    uint8_t *buffers; /* [threads][buffer_bytes], if the file is read */
    size_t buffer_bytes;
} conversion;

enum { PART = 64 << 10 };

/* Rows of a tensor that are read at a time: those of whole panels, one at least. */
static int rows_at_a_time(const lic_pack_job *j)
{
    const int panel = LIC_PANEL * j->p.stride, all = j->p.cout * j->p.stride;
    const size_t bytes = (size_t)panel * lic_pack_row_bytes(j);
    const int rows = bytes < PART ? (int)(PART / bytes) * panel : panel;
    return rows < all ? rows : all;
}

/* The first job of a tensor does those that follow it too; it gets what went wrong. */
static void convert(void *user, size_t item, int worker)
{
    const conversion *c = user;
    lic_pack_job *const first = c->w->jobs + item, *end = first + 1;
    if (item > 0 && first[-1].at == first->at)
        return;
    while (end < c->w->jobs + c->w->n_jobs && end->at == first->at)
        end++;
    const int rows = first->p.cout * first->p.stride, step = rows_at_a_time(first);
    const size_t row_bytes = lic_pack_row_bytes(first);
    uint8_t *const buffer = c->buffers ? c->buffers + (size_t)worker * c->buffer_bytes : NULL;
    uint32_t crc = 0;
    for (int row = 0, n; row < rows; row += n) {
        n = rows - row < step ? rows - row : step;
        const size_t at = first->at + (size_t)row * row_bytes, bytes = (size_t)n * row_bytes;
        const uint8_t *const part = lic_weights_bytes(c->w, at, bytes, buffer, &first->unread);
        if (!part)
            return;
        crc = lic_crc32(crc, part, bytes);
        for (lic_pack_job *j = first; j < end; j++)
            lic_pack_part(j, part, row / j->p.stride, n / j->p.stride);
    }
    first->damaged = crc != first->crc;
    for (lic_pack_job *j = first; j < end; j++)
        lic_pack_end(j);
}

/* Room to read to, for each thread. */
static bool reserve_buffers(const lic_weights *w, conversion *c, lic_arena *room)
{
    size_t most = 1;
    for (size_t i = 0; i < w->n_jobs; i++) {
        const size_t bytes = (size_t)rows_at_a_time(&w->jobs[i]) * lic_pack_row_bytes(&w->jobs[i]);
        most = bytes > most ? bytes : most;
    }
    const size_t threads = (size_t)lic_pool_threads(w->pool);
    size_t all;
    c->buffer_bytes = (most + LIC_ALIGN - 1) / LIC_ALIGN * LIC_ALIGN;
    if (!lic_mul_size(c->buffer_bytes, threads, &all) ||
        !lic_arena_reserve(room, all, w->allocator))
        return false;
    c->buffers = lic_arena_take(room, all, 1);
    return c->buffers != NULL;
}

void lic_weights_convert(lic_weights *w)
{
    conversion c = {.w = w};
    lic_arena room = {0};
    if (w->status || w->arena->planning || w->arena->failed || !w->n_jobs)
        return;
    if (w->read && !reserve_buffers(w, &c, &room)) {
        w->status = lic_fail(w->err, LIC_ERR_MEMORY, "not enough memory to read the weights");
        return;
    }
    lic_pool_run(w->pool, w->n_jobs, convert, &c);
    lic_arena_release(&room);
    for (size_t i = 0; i < w->n_jobs; i++) {
        const lic_pack_job *j = &w->jobs[i];
        if (j->unread)
            lic_weights_fail_read(w, j->unread);
        else if (j->damaged)
            lic_weights_fail_sum(w, j->name);
        else if (j->bad)
            LIC_WEIGHTS_FAIL(w, "weights file with values out of range in %s", j->name);
    }
}
