/* test_model_find.c - weights are found by name and by a stream's model id, in the order given in
 * lic.h; and a weights file that another process cuts short is an error, not a crash. */
#include "tests/unit/codec_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/lic-test-models-XXXXXX");
    if (!mkdtemp(folder))
        exit(2);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command))
        exit(2);
}

/* tiny.licw, whose place is that of the fixture. */
static lic_buffer tiny_bytes(void)
{
    const char *here = __FILE__;
    char path[512];
    lic_buffer out = {.data = malloc(1 << 20)};
    snprintf(path, sizeof path, "%.*s/../golden/tiny.licw", (int)(strrchr(here, '/') - here), here);
    FILE *file = fopen(path, "rb");
    if (!file || !out.data)
        exit(2);
    out.bytes = fread(out.data, 1, 1 << 20, file);
    fclose(file);
    return out;
}

static void put(const char *name, const void *data, size_t bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file))
        exit(2);
}

static lic_status find(const char *name, uint32_t id, lic_error *err)
{
    lic_model_options options;
    lic_model *model = NULL;
    lic_model_options_init(&options);
    options.threads = 1;
    options.folder = folder;
    const lic_status status = lic_model_find(name, id, &options, &model, err);
    CHECK((model != NULL) == (status == LIC_OK));
    lic_model_close(model);
    return status;
}

static int count(void *user, const char *path, uint64_t hash)
{
    int *n = user;
    *n += strncmp(path, folder, strlen(folder)) == 0 && hash != 0;
    return 0;
}

TEST(models_by_name_and_by_id)
{
    lic_buffer tiny_file = tiny_bytes();
    lic_model_info info;
    lic_error err;
    char path[128];
    int n = 0;
    lic_model_get_info(tiny_model(), &info);
    make_folder();
    put("b.licw", tiny_file.data, tiny_file.bytes);
    put("a.licw", "none", 4);
    put("c.txt", tiny_file.data, tiny_file.bytes);
    CHECK_EQ_INT(lic_model_each(folder, count, &n), 0);
    CHECK_EQ_INT(n, 1);
    CHECK_EQ_INT(find("b", 0, &err), LIC_OK);
    CHECK_EQ_INT(find(NULL, (uint32_t)info.hash, &err), LIC_OK);
    CHECK_EQ_INT(find(NULL, (uint32_t)info.hash ^ 1, &err), LIC_ERR_MODEL_WRONG);
    CHECK(strstr(err.text, folder) != NULL);
    CHECK_EQ_INT(find("no-such", 0, &err), LIC_ERR_MODEL_OPEN);
    CHECK(strstr(err.text, "no-such") && strstr(err.text, folder));
    CHECK_EQ_INT(find("a", 0, &err), LIC_ERR_MODEL_INVALID);
    CHECK(strstr(err.text, "a.licw") != NULL);
    snprintf(path, sizeof path, "%s/b.licw", folder);
    CHECK_EQ_INT(find(path, 0, &err), LIC_OK);
    CHECK_EQ_INT(find("../b", 0, &err), LIC_ERR_MODEL_OPEN);
    CHECK_EQ_INT(lic_model_find("b", 0, NULL, NULL, &err), LIC_ERR_ARGUMENT);
    setenv("LIC_MODEL_DIR", folder, 1);
    lic_model *model = NULL;
    CHECK_EQ_INT(lic_model_find("b", 0, NULL, &model, &err), LIC_OK);
    lic_model_close(model);
    unsetenv("LIC_MODEL_DIR");
    remove_folder();
    free(tiny_file.data);
}

TEST(models_from_memory)
{
    lic_buffer file = tiny_bytes();
    lic_model *model;
    lic_model_info info, want;
    lic_model_get_info(tiny_model(), &want);
    REQUIRE(lic_model_open_memory(file.data, file.bytes, NULL, &model, NULL) == LIC_OK);
    lic_model_get_info(model, &info);
    CHECK(info.hash == want.hash);
    lic_model_close(model);
    CHECK_EQ_INT(lic_model_open_memory(file.data, file.bytes - 1, NULL, &model, NULL),
                 LIC_ERR_MODEL_INVALID);
    CHECK_EQ_INT(lic_model_open_memory(file.data, 5, NULL, &model, NULL), LIC_ERR_MODEL_INVALID);
    CHECK_EQ_INT(lic_model_open_memory(NULL, 5, NULL, &model, NULL), LIC_ERR_ARGUMENT);
    CHECK(model == NULL);
    free(file.data);
}

struct names {
    int n, wrong; /* how many were visited; how many of them were not the next */
};

static int next_name(void *user, const char *path, uint64_t hash)
{
    struct names *names = user;
    int number = -1;
    if (strncmp(path, folder, strlen(folder)) || !hash)
        return 0;
    names->wrong += sscanf(path + strlen(folder), "/%d.licw", &number) != 1 || number != names->n;
    names->n++;
    return 0;
}

/* Folders give their names in any order. All count, however many there are, in order of names. */
TEST(each_of_many_files_is_found)
{
    static const int sizes[] = {1, 63, 64, 65, 128, 129, 300};
    lic_buffer file = tiny_bytes();
    lic_model_info info;
    lic_error err;
    lic_model_get_info(tiny_model(), &info);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct names names = {0};
        char name[32];
        make_folder();
        for (int j = sizes[i]; j-- > 0;) {
            uint8_t head[64]; /* is all that is looked at; each has a hash of its own */
            memcpy(head, file.data, sizeof head);
            head[40] = (uint8_t)(head[40] + (j < sizes[i] - 1));
            snprintf(name, sizeof name, "%03d.licw", j);
            put(name, j < sizes[i] - 1 ? head : file.data, j < sizes[i] - 1 ? 64 : file.bytes);
        }
        CHECK_EQ_INT(lic_model_each(folder, next_name, &names), 0);
        CHECK_EQ_INT(names.n, sizes[i]);
        CHECK_EQ_INT(names.wrong, 0);
        CHECK_EQ_INT(find(NULL, (uint32_t)info.hash, &err), LIC_OK);
        remove_folder();
    }
    free(file.data);
}

/* Cuts and mends the file until it is killed. */
static void tamper(const char *path, const lic_buffer *file)
{
    for (;;) {
        const int fd = open(path, O_WRONLY);
        if (fd < 0 || ftruncate(fd, 100) || write(fd, file->data, file->bytes) < 0)
            _exit(1);
        close(fd);
    }
}

/* A mapped file that shrinks ends the program by SIGBUS. */
TEST(a_file_that_is_cut_while_it_is_read)
{
    lic_buffer file = tiny_bytes();
    char path[128];
    make_folder();
    put("x.licw", file.data, file.bytes);
    snprintf(path, sizeof path, "%s/x.licw", folder);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        tamper(path, &file);
    REQUIRE(child > 0);
    for (int i = 0; i < 300; i++) {
        lic_model *model = NULL;
        lic_error err;
        const lic_status status = lic_model_open(path, NULL, &model, &err);
        CHECK(status == LIC_OK || status == LIC_ERR_MODEL_INVALID);
        lic_model_close(model);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    remove_folder();
    free(file.data);
}

/* A pipe of that name must not make a search wait for ever. */
TEST(pipes_are_no_weights)
{
    char path[128];
    lic_error err;
    int n = 0;
    make_folder();
    snprintf(path, sizeof path, "%s/pipe.licw", folder);
    REQUIRE(mkfifo(path, 0600) == 0);
    CHECK_EQ_INT(lic_model_each(folder, count, &n), 0);
    CHECK_EQ_INT(n, 0);
    CHECK_EQ_INT(find("pipe", 0, &err), LIC_ERR_MODEL_OPEN);
    remove_folder();
}
