/* test_environment.c - the environment is the program's: the library sets nothing in it, and reads
 * nothing while worker threads run, when another thread may be changing it. */
#include "tests/unit/codec_fixture.h"

extern char **environ;
static int n_read, n_set;

/* In place of the C library's. */
char *getenv(const char *name)
{
    const size_t n = strlen(name);
    n_read++;
    for (char **at = environ; *at; at++)
        if (!strncmp(*at, name, n) && (*at)[n] == '=')
            return *at + n + 1;
    return NULL;
}

int setenv(const char *name, const char *value, int overwrite)
{
    (void)name;
    (void)value;
    (void)overwrite;
    n_set++;
    return 0;
}

static void there_and_back(lic_backend backend)
{
    lic_image p = make_picture(150, 100, 3, 8), out = {0};
    lic_options options = with_threads(3);
    lic_model_options model_options;
    lic_model *model = NULL;
    lic_session *session = NULL;
    lic_buffer file = {0};
    lic_error err = {0};
    const char *here = __FILE__;
    char path[512];
    snprintf(path, sizeof path, "%.*s/../golden/tiny.licw", (int)(strrchr(here, '/') - here), here);
    lic_model_options_init(&model_options);
    model_options.backend = options.backend = backend;
    REQUIRE(!lic_model_open(path, &model_options, &model, &err));
    REQUIRE(!lic_session_new(model, &options, &session, &err));
    const int before = n_read;
    CHECK_EQ_INT(lic_session_encode(session, &p, NULL, &file, &err), LIC_OK);
    CHECK_EQ_INT(lic_session_decode(session, file.data, file.bytes, NULL, &out, &err), LIC_OK);
    CHECK_EQ_INT(n_read, before);
    CHECK_EQ_INT(n_set, 0);
    lic_image_free(&out);
    lic_buffer_free(&file);
    lic_session_free(session);
    lic_model_close(model);
    free(p.data);
}

TEST(strict_leaves_the_environment_alone)
{
    there_and_back(LIC_BACKEND_STRICT);
}

TEST(openblas_leaves_the_environment_alone)
{
    if (lic_backend_supported(LIC_BACKEND_OPENBLAS))
        there_and_back(LIC_BACKEND_OPENBLAS);
    CHECK_EQ_INT(n_set, 0);
}
