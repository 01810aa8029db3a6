/* weights_file.c - weights files on disk. Only head and tables are kept in memory; tensors are read
 * part by part, straight to where they are checked and packed, by all threads.
 *
 * The file is read, not mapped. If another process cut a mapped file short, this one would die; and
 * verified bytes could change before they are used. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pread */
#endif
#include "models/weights_entry.h"

#include "codec/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_part(const lic_weights *w, size_t at, size_t bytes, uint8_t *to)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(w->fd, to + done, bytes - done, (off_t)(at + done));
        if (got < 0 && errno != EINTR)
            return errno;
        if (got == 0)
            return LIC_WEIGHTS_CUT;
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static lic_status fail(lic_weights *w, lic_status status, const char *text)
{
    return w->status = lic_fail(w->err, status, "%s", text);
}

static lic_status fail_open(lic_weights *w)
{
    return w->status = lic_fail(w->err, LIC_ERR_MODEL_OPEN, "cannot open the weights file: %s",
                                strerror(errno));
}

static lic_status measure(lic_weights *w)
{
    struct stat st;
    if (fstat(w->fd, &st) || !S_ISREG(st.st_mode))
        return fail(w, LIC_ERR_MODEL_OPEN, "the weights file is not a regular file");
    if (st.st_size < LIC_WEIGHTS_HEAD || (uint64_t)st.st_size > SIZE_MAX / 2)
        return w->status = lic_fail(w->err, LIC_ERR_MODEL_INVALID, "not a weights file: %lld bytes",
                                    (long long)st.st_size);
    w->bytes = (size_t)st.st_size;
    return LIC_OK;
}

/* Reads from the file's start on. */
static lic_status read_start(lic_weights *w, uint8_t *to, size_t bytes)
{
    int why = 0;
    w->data = to;
    return lic_weights_bytes(w, 0, bytes, to, &why) ? LIC_OK : lic_weights_fail_read(w, why);
}

static lic_status read_tables(lic_weights *w)
{
    uint8_t head[LIC_WEIGHTS_HEAD];
    lic_status status = read_start(w, head, sizeof head);
    if (!status)
        status = lic_weights_check_head(w);
    if (status)
        return status;
    const size_t bytes = (size_t)lic_weights_payload(w);
    w->own = lic_alloc(w->allocator, bytes);
    if (!w->own)
        return fail(w, LIC_ERR_MEMORY, "not enough memory for the weights file");
    status = read_start(w, w->own, bytes);
    /* The head again: nobody promises that these bytes are still those of before. */
    if (!status)
        status = lic_weights_check_head(w);
    if (!status && lic_weights_payload(w) != bytes)
        status = fail(w, LIC_ERR_MODEL_INVALID, "the weights file changed while it was read");
    return status ? status : lic_weights_check_tables(w);
}

lic_status lic_weights_open_file(lic_weights *w, const char *path, const lic_allocator *allocator,
                                 lic_error *err)
{
    *w = (lic_weights){.err = err, .allocator = allocator, .read = read_part};
    w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (w->fd < 0)
        return fail_open(w);
    const lic_status status = measure(w);
    return status ? status : read_tables(w);
}

void lic_weights_close(lic_weights *w)
{
    if (w->fd >= 0)
        close(w->fd);
    lic_dealloc(w->allocator, w->own);
    w->own = NULL;
    w->fd = -1;
}
