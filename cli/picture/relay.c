/* relay.c - see relay.h. The thread has one band or none, as n_rows tells. */
#include "cli/picture/relay.h"

#include "cli/base/report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lic_relay {
    lic_writer *writer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given, written;
    uint8_t *band;
    size_t band_bytes, stride_bytes;
    uint32_t n_rows; /* given and not yet written */
    bool ended;
    lic_status status; /* of the first failure */
    lic_error err;
};

static void *write_bands(void *argument)
{
    lic_relay *r = argument;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->n_rows && !r->ended)
            pthread_cond_wait(&r->given, &r->lock);
        if (!r->n_rows)
            break;
        pthread_mutex_unlock(&r->lock);
        lic_error err = {0};
        const lic_status status =
            lic_writer_rows(r->writer, r->n_rows, r->band, r->stride_bytes, &err);
        pthread_mutex_lock(&r->lock);
        r->status = status;
        r->err = err;
        r->n_rows = 0;
        pthread_cond_signal(&r->written);
        if (status != LIC_OK)
            break;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void release(lic_relay *r)
{
    pthread_cond_destroy(&r->given);
    pthread_cond_destroy(&r->written);
    pthread_mutex_destroy(&r->lock);
    free(r->band);
    free(r);
}

lic_relay *lic_relay_begin(lic_writer *writer, size_t band_bytes)
{
    lic_relay *r = calloc(1, sizeof *r);
    uint8_t *band = malloc(band_bytes);
    if (!r || !band) {
        free(r);
        free(band);
        return NULL;
    }
    r->writer = writer;
    r->band = band;
    r->band_bytes = band_bytes;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->given, NULL);
    pthread_cond_init(&r->written, NULL);
    if (pthread_create(&r->thread, NULL, write_bands, r)) {
        release(r);
        return NULL;
    }
    return r;
}

lic_status lic_relay_rows(lic_relay *r, uint32_t n_rows, const void *rows, size_t stride_bytes,
                          lic_error *err)
{
    if (n_rows > r->band_bytes / stride_bytes)
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "more rows than a band has");
    pthread_mutex_lock(&r->lock);
    while (r->n_rows)
        pthread_cond_wait(&r->written, &r->lock);
    const lic_status status = r->status;
    if (status == LIC_OK) {
        memcpy(r->band, rows, n_rows * stride_bytes);
        r->stride_bytes = stride_bytes;
        r->n_rows = n_rows;
        pthread_cond_signal(&r->given);
    } else {
        *err = r->err;
    }
    pthread_mutex_unlock(&r->lock);
    return status;
}

lic_status lic_relay_end(lic_relay *r, lic_error *err)
{
    if (!r)
        return LIC_OK;
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_cond_signal(&r->given);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    const lic_status status = r->status;
    if (status != LIC_OK)
        *err = r->err;
    release(r);
    return status;
}
