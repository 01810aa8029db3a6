/* weights_fixture.h - copies of the tiny network's weights file to be damaged, checksums made right
 * again, so that the reader has to find the damage itself. */
#ifndef LIC_TESTS_WEIGHTS_FIXTURE_H
#define LIC_TESTS_WEIGHTS_FIXTURE_H

#include "codec/lic.h"
#include "tests/test.h"
#include "tests/weights_file.h"

#include <fcntl.h>
#include <unistd.h>

/* ---- a file on disk -------------------------------------------------------------------------- */

static char weights_folder[] = "/tmp/lic-test-XXXXXX";
static char weights_path[64], previews_path[64]; /* one beside the other */
static int weights_file = -1;

static inline void remove_previews(void)
{
    unlink(previews_path);
}

static inline void remove_weights(void)
{
    unlink(weights_path);
    remove_previews();
    rmdir(weights_folder);
}

static inline void make_paths(void)
{
    if (weights_file >= 0)
        return;
    if (!mkdtemp(weights_folder))
        exit(2);
    snprintf(weights_path, sizeof weights_path, "%s/tiny.licw", weights_folder);
    snprintf(previews_path, sizeof previews_path, "%s/tiny.previews.licw", weights_folder);
    weights_file = open(weights_path, O_RDWR | O_CREAT, 0600);
    atexit(remove_weights);
}

static inline void write_to(int fd, const char *path, const weights *w)
{
    if (fd < 0 || pwrite(fd, w->data, w->bytes, 0) != (ssize_t)w->bytes ||
        ftruncate(fd, (off_t)w->bytes)) {
        printf("cannot write %s\n", path);
        exit(2);
    }
}

static inline void write_weights(const weights *w)
{
    make_paths();
    write_to(weights_file, weights_path, w);
}

static inline void write_previews(const weights *w)
{
    make_paths();
    const int fd = open(previews_path, O_WRONLY | O_CREAT, 0600);
    write_to(fd, previews_path, w);
    close(fd);
}

/* Opens what is on disk now; on failure the error must say so in one line, and *out be NULL. */
static inline lic_status open_status(const char *path, lic_error *err)
{
    lic_model *model = (lic_model *)(uintptr_t)1;
    lic_model_options options;
    lic_model_options_init(&options);
    options.threads = 1;
    *err = (lic_error){0};
    const lic_status status = lic_model_open(path, &options, &model, err);
    CHECK_EQ_INT(err->status, status);
    CHECK((status == LIC_OK) == (err->text[0] == 0));
    CHECK(!strchr(err->text, '\n'));
    CHECK((status == LIC_OK) == (model != NULL));
    lic_model_close(model);
    return status;
}

/* The copy, sealed, must be refused as damaged. */
static inline void check_refused(const weights *w, const char *what)
{
    lic_error err;
    seal_head(w);
    write_weights(w);
    const lic_status status = open_status(weights_path, &err);
    if (test_failed(status == LIC_ERR_MODEL_INVALID))
        printf("%s: %s %s\n", what, lic_status_name(status), err.text);
}

/* Does one damage to a fresh copy. */
#define REFUSED(what, ...)                                                                         \
    do {                                                                                           \
        weights w = read_tiny();                                                                   \
        __VA_ARGS__;                                                                               \
        check_refused(&w, what);                                                                   \
        free(w.data);                                                                              \
    } while (0)

/* ---- heads for previews ---- */

enum { TINY_LEVELS = 8, HEAD_TAPS = 9 }; /* of the tiny network; of a head */

/* A head of the given shape; its values do not matter here. */
static inline void add_head(weights *w, uint32_t levels, uint32_t outputs, uint32_t channels)
{
    const uint32_t dims[4] = {levels, outputs, HEAD_TAPS, channels},
                   bias[4] = {levels, outputs, 1, 1};
    const size_t n = (size_t)levels * outputs * HEAD_TAPS * channels;
    uint16_t *values = malloc(2 * n);
    for (size_t i = 0; i < n; i++)
        values[i] = some_half((uint32_t)test_random());
    add_tensor(w, "preview.weight", 1, 4, dims, values, 2 * n);
    add_tensor(w, "preview.bias", 1, 2, bias, values, 2 * (size_t)levels * outputs);
    seal_head(w);
    free(values);
}

#endif
