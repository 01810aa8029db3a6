/* files.c - see files.h: reading. */
#include "cli/base/files.h"

#include "cli/base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whatever the limit is, endless streams end here. */
#define MAX_FILE_BYTES ((size_t)1 << 32)

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* How much may be read, the words for that limit, and what the file must begin with, if
 * anything. */
struct limit {
    size_t bytes;
    const char *name;
    bool stream;
};

static struct limit limit_of(uint64_t max_memory)
{
    const uint64_t bytes = max_memory ? max_memory : LIC_READ_MEMORY;
    if (bytes > MAX_FILE_BYTES)
        return (struct limit){MAX_FILE_BYTES, "the limit of ", false};
    return (struct limit){(size_t)bytes,
                          max_memory ? "--max-memory=" : "the default of --max-memory=", false};
}

static lic_status too_large(const struct limit *limit, bool regular, lic_error *err)
{
    return lic_report_fail(
        err, LIC_ERR_LIMIT, "%s read into memory as a whole, and has more than %s%zu bytes",
        regular ? "is" : "comes through a pipe, which is", limit->name, limit->bytes);
}

/* Makes room for what is expected, or for twice as much, but for no more than the limit and one
 * byte, which shows that it is exceeded. */
static lic_status grow(lic_file_data *out, size_t *capacity, size_t expected, size_t most,
                       lic_error *err)
{
    if (out->data && *capacity < expected)
        *capacity = expected;
    else if (out->data)
        *capacity = *capacity < 65536 ? 131072 : *capacity * 2;
    *capacity = *capacity > most ? most + 1 : *capacity;
    uint8_t *grown = realloc(out->data, *capacity);
    if (!grown)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to read it");
    out->data = grown;
    return LIC_OK;
}

/* codec/FORMAT.md, section 1. */
static const uint8_t signature[4] = {0x9B, 'l', 'i', 'c'};

/* length: of a file, 0 of a pipe. A stream shows its signature before the rest is read. */
static lic_status read_all(int fd, size_t length, const struct limit *limit, lic_file_data *out,
                           lic_error *err)
{
    const size_t expected = length + 1; /* so that the end shows without growing */
    size_t capacity = limit->stream ? sizeof signature : expected;
    lic_status status = LIC_OK;
    while (out->bytes <= limit->bytes) {
        const bool full = out->data && out->bytes == capacity;
        if (full && limit->stream && memcmp(out->data, signature, sizeof signature) != 0)
            return lic_report_fail(err, LIC_ERR_NOT_LIC, "not a .lic file");
        if (!out->data || full)
            status = grow(out, &capacity, expected, limit->bytes, err);
        if (status != LIC_OK)
            return status;
        ssize_t got = read(fd, out->data + out->bytes, capacity - out->bytes);
        if (got == 0)
            return LIC_OK;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot read: %s", strerror(errno));
        out->bytes += (size_t)got;
    }
    return LIC_OK;
}

/* Looks at a file that is too large: if it is of another kind, that is what to say first. */
static bool begins_as_stream(int fd)
{
    uint8_t head[sizeof signature];
    return pread(fd, head, sizeof head, lseek(fd, 0, SEEK_CUR)) == (ssize_t)sizeof head &&
           memcmp(head, signature, sizeof head) == 0;
}

static lic_status read_file(const char *path, const struct limit *limit, lic_file_data *out,
                            lic_error *err)
{
    *out = (lic_file_data){0};
    int fd = is_stream(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot open: %s", strerror(errno));
    struct stat st;
    const bool known = fstat(fd, &st) == 0, regular = known && S_ISREG(st.st_mode);
    const uint64_t length = regular && st.st_size > 0 ? (uint64_t)st.st_size : 0;
    lic_status status = LIC_OK;
    if (known && S_ISDIR(st.st_mode))
        status = lic_report_fail(err, LIC_REPORT_ERR_IO, "is a folder");
    else if (limit->stream && length > limit->bytes && !begins_as_stream(fd))
        status = lic_report_fail(err, LIC_ERR_NOT_LIC, "not a .lic file");
    else if (length <= limit->bytes)
        status = read_all(fd, (size_t)length, limit, out, err);
    if (status == LIC_OK && (length > limit->bytes || out->bytes > limit->bytes))
        status = too_large(limit, regular, err);
    if (status == LIC_OK && out->bytes == 0)
        status = lic_report_fail(err, LIC_ERR_TRUNCATED, "is empty");
    if (status != LIC_OK)
        lic_file_free(out);
    if (fd != STDIN_FILENO)
        close(fd);
    return status;
}

lic_status lic_file_read(const char *path, uint64_t max_memory, lic_file_data *out, lic_error *err)
{
    const struct limit limit = limit_of(max_memory);
    return read_file(path, &limit, out, err);
}

lic_status lic_file_read_stream(const char *path, uint64_t max_memory, lic_file_data *out,
                                lic_error *err)
{
    struct limit limit = limit_of(max_memory);
    limit.stream = true;
    return read_file(path, &limit, out, err);
}

lic_status lic_file_read_small(const char *path, lic_file_data *out, lic_error *err)
{
    const struct limit limit = {(size_t)16 << 20, "the limit of ", false};
    return read_file(path, &limit, out, err);
}

void lic_file_free(lic_file_data *data)
{
    free(data->data);
    *data = (lic_file_data){0};
}

void lic_file_keep_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

const char *lic_file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
