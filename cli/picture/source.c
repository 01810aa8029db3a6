/* source.c - see source.h. */
#include "cli/picture/source.h"

#include "cli/base/files.h"
#include "cli/base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 16 };

lic_source lic_source_memory(const void *data, size_t bytes)
{
    return (lic_source){.bytes = bytes, .data = data, .piece_bytes = bytes, .fd = -1};
}

/* Regular files are read by place; what stands before the offset of standard input is not ours. */
static bool set_file(lic_source *source, int fd)
{
    struct stat st;
    off_t base = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (base < 0 || st.st_size <= base)
        return false;
    source->owned = malloc(PIECE_BYTES);
    source->data = source->owned;
    source->fd = fd;
    source->base = (uint64_t)base;
    source->bytes = (uint64_t)(st.st_size - base);
    return source->owned != NULL;
}

lic_status lic_source_open(lic_source *source, const char *path, uint64_t max_memory,
                           lic_error *err)
{
    lic_file_data file;
    *source = (lic_source){.fd = -1};
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot open: %s", strerror(errno));
    if (set_file(source, fd))
        return LIC_OK;
    if (fd != STDIN_FILENO)
        close(fd);
    *source = (lic_source){.fd = -1};
    /* pipes; and it says what else is wrong */
    lic_status status = lic_file_read(path, max_memory, &file, err);
    if (status == LIC_OK)
        *source = lic_source_memory(file.data, file.bytes);
    source->owned = file.data;
    return status;
}

uint64_t lic_source_held(const lic_source *source)
{
    return source->fd < 0 ? source->bytes : 0;
}

void lic_source_close(lic_source *source)
{
    if (source->fd >= 0 && source->fd != STDIN_FILENO)
        close(source->fd);
    free(source->owned);
    *source = (lic_source){.fd = -1};
}

lic_status lic_source_status(const lic_source *source, lic_error *err)
{
    return source->error
               ? lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot read: %s", strerror(source->error))
               : LIC_OK;
}

/* What can be had at once, at most `bytes`; 0 at the end of the file or where it cannot be read. */
static size_t read_at(lic_source *source, uint64_t at, void *to, size_t bytes)
{
    ssize_t got;
    do
        got = pread(source->fd, to, bytes, (off_t)(source->base + at));
    while (got < 0 && errno == EINTR);
    source->error = got < 0 ? errno : source->error;
    return got > 0 ? (size_t)got : 0;
}

size_t lic_source_peek(lic_source *source, const uint8_t **data)
{
    if (source->at >= source->bytes)
        return 0;
    if (source->at < source->piece_at || source->at - source->piece_at >= source->piece_bytes) {
        if (source->fd < 0)
            return 0;
        source->piece_at = source->at;
        source->piece_bytes = read_at(source, source->at, source->owned, PIECE_BYTES);
    }
    const size_t before = (size_t)(source->at - source->piece_at);
    *data = source->data + before;
    return source->piece_bytes - before;
}

size_t lic_source_read(lic_source *source, void *to, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        const uint8_t *from;
        size_t n = lic_source_peek(source, &from);
        if (n == 0)
            break;
        n = n < bytes - done ? n : bytes - done;
        memcpy((uint8_t *)to + done, from, n);
        source->at += n;
        done += n;
    }
    return done;
}

int lic_source_get(lic_source *source)
{
    const uint8_t *from;
    if (lic_source_peek(source, &from) == 0)
        return -1;
    source->at++;
    return *from;
}
