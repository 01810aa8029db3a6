/* ahead.c - see ahead.h. The rows lie in a ring: row y in the place of row y - room. */
#include "cli/picture/ahead.h"

#include "cli/base/pages.h"
#include "cli/base/report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 16 }; /* rows that are handed over at a time */

struct lic_ahead {
    lic_reader *reader;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, space;
    uint8_t *ring;
    size_t row_bytes;
    uint32_t n_rows, room;
    uint32_t read, taken; /* rows so far */
    bool ended;
    lic_status status; /* of the first failure, at row `read` */
    lic_error err;
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Rows from `first` on that lie in the ring without a gap. */
static uint8_t *place(const lic_ahead *a, uint32_t first, uint32_t *n)
{
    const uint32_t at = first % a->room;
    *n = smaller(*n, a->room - at);
    return a->ring + at * a->row_bytes;
}

/* Waits until there is room, and returns for how many rows; 0: no more are wanted. */
static uint32_t wait_for_space(lic_ahead *a)
{
    while (!a->ended && a->read - a->taken == a->room)
        pthread_cond_wait(&a->space, &a->lock);
    return a->ended ? 0
                    : smaller(smaller(a->n_rows - a->read, STEP), a->room - (a->read - a->taken));
}

static void *read_rows(void *argument)
{
    lic_ahead *a = argument;
    pthread_mutex_lock(&a->lock);
    for (uint32_t n; !a->status && (n = wait_for_space(a)) > 0;) {
        uint8_t *to = place(a, a->read, &n);
        lic_error err = {0};
        lic_status status = LIC_OK;
        uint32_t good = 0;
        pthread_mutex_unlock(&a->lock);
        for (; good < n && status == LIC_OK; good += status == LIC_OK)
            status = lic_reader_rows(a->reader, 1, to + good * a->row_bytes, a->row_bytes, &err);
        pthread_mutex_lock(&a->lock);
        a->read += good;
        a->status = status;
        a->err = err;
        pthread_cond_signal(&a->more);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void release(lic_ahead *a)
{
    pthread_cond_destroy(&a->more);
    pthread_cond_destroy(&a->space);
    pthread_mutex_destroy(&a->lock);
    free(a->ring);
    free(a);
}

lic_ahead *lic_ahead_begin(lic_reader *reader, uint32_t n_rows, uint32_t room, size_t row_bytes)
{
    lic_ahead *a = calloc(1, sizeof *a);
    uint8_t *ring = room && row_bytes <= SIZE_MAX / room ? lic_pages_take(room * row_bytes) : NULL;
    if (!a || !ring) {
        free(a);
        free(ring);
        return NULL;
    }
    a->reader = reader;
    a->ring = ring;
    a->row_bytes = row_bytes;
    a->n_rows = n_rows;
    a->room = room;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    pthread_cond_init(&a->space, NULL);
    if (pthread_create(&a->thread, NULL, read_rows, a)) {
        release(a);
        return NULL;
    }
    return a;
}

lic_status lic_ahead_rows(lic_ahead *a, uint32_t n_rows, void *rows, size_t stride_bytes,
                          lic_error *err)
{
    uint8_t *to = rows;
    lic_status status = LIC_OK;
    pthread_mutex_lock(&a->lock);
    if (n_rows > a->n_rows - a->taken)
        status = lic_report_fail(err, LIC_ERR_ARGUMENT, "more rows than the picture has");
    while (status == LIC_OK && n_rows > 0) {
        while (a->read == a->taken && !a->status)
            pthread_cond_wait(&a->more, &a->lock);
        uint32_t n = smaller(n_rows, a->read - a->taken);
        if (n == 0) {
            status = a->status;
            *err = a->err;
            break;
        }
        const uint8_t *from = place(a, a->taken, &n);
        pthread_mutex_unlock(&a->lock);
        for (uint32_t y = 0; y < n; y++, to += stride_bytes)
            memcpy(to, from + y * a->row_bytes, a->row_bytes);
        pthread_mutex_lock(&a->lock);
        a->taken += n;
        n_rows -= n;
        pthread_cond_signal(&a->space);
    }
    pthread_mutex_unlock(&a->lock);
    return status;
}

void lic_ahead_end(lic_ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    pthread_cond_signal(&a->space);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    release(a);
}
