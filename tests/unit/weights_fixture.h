/* weights_fixture.h - copies of the tiny network's weights file to be damaged, checksums made right
 * again, so that the reader has to find the damage itself. */
#ifndef LIC_TESTS_WEIGHTS_FIXTURE_H
#define LIC_TESTS_WEIGHTS_FIXTURE_H

#include "codec/lic.h"
#include "tests/test.h"
#include "tests/weights_file.h"

#include <unistd.h>

/* ---- a file on disk -------------------------------------------------------------------------- */

static char weights_path[] = "/tmp/lic-test-XXXXXX";
static int weights_file = -1;

static inline void remove_weights(void)
{
    unlink(weights_path);
}

static inline void write_weights(const weights *w)
{
    if (weights_file < 0) {
        weights_file = mkstemp(weights_path);
        atexit(remove_weights);
    }
    if (weights_file < 0 || pwrite(weights_file, w->data, w->bytes, 0) != (ssize_t)w->bytes ||
        ftruncate(weights_file, (off_t)w->bytes)) {
        printf("cannot write %s\n", weights_path);
        exit(2);
    }
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

#endif
