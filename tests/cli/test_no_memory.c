/* test_no_memory.c - encodes and decodes pictures with alpha, as the commands do, while one
 * allocation fails, or all from that one on; each allocation in turn. The linker leads all
 * allocations of the program, the library, zlib and libpng here (Makefile). A run either gives the
 * right file, or says that memory is missing, fails like any input (exit 1) and leaves no file.
 * Nothing leaks. */
#include "cli/base/report.h"
#include "cli/options/options.h"
#include "tests/cli/png_fixture.h"
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* The linker wants what it leads here to be seen by shared libraries, which go on calling their
 * own. */
#pragma GCC visibility push(default)

/* ---- allocations ---- */

static atomic_int calls, live, first_refused = -1;
static bool counting, refuse_on; /* refuse_on: not only the first */

static bool refused(void)
{
    if (!counting)
        return false;
    const int call = atomic_fetch_add(&calls, 1), first = atomic_load(&first_refused);
    const bool no = first >= 0 && (call == first || (refuse_on && call > first));
    errno = no ? ENOMEM : errno;
    return no;
}

static void *counted(void *block)
{
    if (counting && block)
        atomic_fetch_add(&live, 1);
    return block;
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void __real_free(void *block);
char *__real_realpath(const char *path, char *resolved);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
char *__wrap_realpath(const char *path, char *resolved);

void *__wrap_malloc(size_t bytes)
{
    return refused() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return refused() ? NULL : counted(__real_calloc(n, bytes));
}

void *__wrap_realloc(void *old, size_t bytes)
{
    if (refused())
        return NULL;
    void *block = __real_realloc(old, bytes);
    return old ? block : counted(block);
}

void __wrap_free(void *block)
{
    if (counting && block)
        atomic_fetch_sub(&live, 1);
    __real_free(block);
}

char *__wrap_strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = __wrap_malloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

char *__wrap_realpath(const char *path, char *resolved)
{
    if (resolved)
        return __real_realpath(path, resolved);
    return refused() ? NULL : counted(__real_realpath(path, NULL));
}

/* ---- those of zlib; libpng is given ours by the program ---- */

static voidpf z_alloc(voidpf user, uInt n, uInt bytes)
{
    (void)user;
    return __wrap_calloc(n, bytes);
}

static void z_free(voidpf user, voidpf block)
{
    (void)user;
    __wrap_free(block);
}

int __real_deflateInit_(z_streamp z, int level, const char *version, int bytes);
int __real_deflateInit2_(z_streamp z, int level, int method, int bits, int memory, int strategy,
                         const char *version, int bytes);
int __real_inflateInit_(z_streamp z, const char *version, int bytes);
int __wrap_deflateInit_(z_streamp z, int level, const char *version, int bytes);
int __wrap_deflateInit2_(z_streamp z, int level, int method, int bits, int memory, int strategy,
                         const char *version, int bytes);
int __wrap_inflateInit_(z_streamp z, const char *version, int bytes);

int __wrap_deflateInit_(z_streamp z, int level, const char *version, int bytes)
{
    z->zalloc = z_alloc;
    z->zfree = z_free;
    return __real_deflateInit_(z, level, version, bytes);
}

int __wrap_deflateInit2_(z_streamp z, int level, int method, int bits, int memory, int strategy,
                         const char *version, int bytes)
{
    z->zalloc = z_alloc;
    z->zfree = z_free;
    return __real_deflateInit2_(z, level, method, bits, memory, strategy, version, bytes);
}

int __wrap_inflateInit_(z_streamp z, const char *version, int bytes)
{
    z->zalloc = z_alloc;
    z->zfree = z_free;
    return __real_inflateInit_(z, version, bytes);
}

#pragma GCC visibility pop

/* ---- files ---- */

enum { MOST_BYTES = 1 << 18, MOST_WORDS = 16 };
static char folder[] = "/tmp/lic-test-refused-XXXXXX";
static char model[512], interlaced[512];

static const char *path_of(const char *name)
{
    static char path[4][320];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", folder, name);
    return path[at];
}

static size_t load(const char *name, uint8_t *bytes)
{
    FILE *f = fopen(path_of(name), "rb");
    const size_t n = f ? fread(bytes, 1, MOST_BYTES, f) : 0;
    if (f)
        fclose(f);
    return n;
}

static int n_files(void)
{
    DIR *dir = opendir(folder);
    int n = -2; /* "." and ".." */
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* RGB with noise for alpha, which does not pack, so that its buffer has to grow; and metadata. */
static bool make_picture(const char *name, uint32_t width, uint32_t height)
{
    static const char exif[] = "MM\0*\0\0\0\10\0\0\0\0\0",
                      xmp[] = "XML:com.adobe.xmp\0\0\0\0\0<x/>", text[] = "Author\0J\xF6",
                      iptc[] = "Raw profile type iptc\0\niptc\n       5\n1c02050000\n",
                      more[] = "Title\0\0\0de\0Titel\0\xE2\x82\xAC";
    static uint8_t file[MOST_BYTES], rows[MOST_BYTES / 2];
    const size_t row = 1 + (size_t)width * 4;
    for (size_t i = 0; i < height * row; i++)
        rows[i] = i % row == 0 ? 0 : i % row % 4 == 0 ? (uint8_t)test_random() : (uint8_t)(i / 9);
    uint8_t *at = put_png_head(file, width, height, 8, 6, 0);
    at = put_chunk(at, "eXIf", exif, sizeof exif - 1);
    at = put_chunk(at, "iTXt", xmp, sizeof xmp - 1);
    at = put_chunk(at, "tEXt", text, sizeof text - 1);
    at = put_chunk(at, "tEXt", iptc, sizeof iptc - 1);
    at = put_chunk(at, "iTXt", more, sizeof more - 1);
    at = put_chunk(put_pixels(at, rows, height * row), "IEND", NULL, 0);
    FILE *f = fopen(path_of(name), "wb");
    return f && fwrite(file, 1, (size_t)(at - file), f) == (size_t)(at - file) && !fclose(f);
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
        unlink(path_of(e->d_name));
    if (dir)
        closedir(dir);
    rmdir(folder);
}

static bool set_up(void)
{
    const char *here = __FILE__;
    if (*model)
        return true;
    const int n = (int)(strrchr(here, '/') - here);
    snprintf(model, sizeof model, "%.*s/../golden/tiny.licw", n, here);
    snprintf(interlaced, sizeof interlaced, "%.*s/../data/pngsuite/basi6a16.png", n, here);
    if (!mkdtemp(folder))
        return false;
    atexit(remove_folder);
    return make_picture("noise.png", 160, 120);
}

/* ---- runs ---- */

/* `lic` with these words, up to a NULL; what is said goes to the file "said". */
static int run(const char *const *given)
{
    static char text[MOST_WORDS][512]; /* parsing takes words apart */
    char *words[MOST_WORDS + 1] = {text[0]};
    int n = 1;
    for (strcpy(text[0], "lic"); given[n - 1]; n++) {
        snprintf(text[n], sizeof text[n], "%s", given[n - 1]);
        words[n] = text[n];
    }
    lic_settings settings;
    const int terminal = dup(STDERR_FILENO);
    const int said = open(path_of("said"), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    dup2(said, STDERR_FILENO);
    atomic_store(&calls, 0);
    atomic_store(&live, 0);
    counting = true;
    int code = LIC_EXIT_USAGE;
    if (lic_options_parse(n, words, &settings))
        code = settings.command == LIC_COMMAND_ENCODE ? lic_command_encode(&settings)
                                                      : lic_command_decode(&settings);
    counting = false;
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    close(said);
    return code;
}

/* With the allocation refused: is all as it should be? */
static bool is_sound(int code, const char *output, const uint8_t *right, size_t right_bytes,
                     int files)
{
    static uint8_t bytes[MOST_BYTES];
    static char said[MOST_BYTES];
    const size_t n = load(output, bytes), text = load("said", (uint8_t *)said);
    said[text < sizeof said ? text : sizeof said - 1] = 0;
    if (atomic_load(&live) != 0)
        return false;
    if (code == 0)
        return n == right_bytes && !memcmp(bytes, right, n) && n_files() == files;
    return code == LIC_EXIT_FAILED && n == 0 && strstr(said, "memory") && n_files() == files - 1;
}

static void say(int i, int n, int code)
{
    static char said[MOST_BYTES];
    said[load("said", (uint8_t *)said) % sizeof said] = 0;
    printf("allocation %d of %d refused%s: exit %d, %d left, %d files: %s\n", i, n,
           refuse_on ? " and all that follow" : "", code, atomic_load(&live), n_files(), said);
}

/* Runs it with each allocation refused. */
static void refuse_each(const char *output, const char *const *words)
{
    static uint8_t right[MOST_BYTES];
    unlink(path_of(output));
    atomic_store(&first_refused, -1);
    REQUIRE(run(words) == 0);
    const size_t bytes = load(output, right);
    const int n = atomic_load(&calls), files = n_files();
    CHECK_EQ_INT(atomic_load(&live), 0);
    CHECK(bytes > 0 && n > 20);
    printf("%d allocations for %s\n", n, output);
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < n; i++) {
            unlink(path_of(output));
            refuse_on = way == 1;
            atomic_store(&first_refused, i);
            const int code = run(words);
            if (test_failed(is_sound(code, output, right, bytes, files)))
                say(i, n, code);
        }
    atomic_store(&first_refused, -1);
    CHECK_EQ_INT(run(words), 0);
}

static void refuse_each_of(const char *command, const char *input, const char *output,
                           const char *option, const char *threads)
{
    char in[512], out[320];
    snprintf(in, sizeof in, "%s", strchr(input, '/') ? input : path_of(input));
    snprintf(out, sizeof out, "%s", path_of(output));
    const char *const words[] = {command, "--quiet", "--model", model,  "-T", threads,
                                 in,      "-o",      out,       option, NULL};
    refuse_each(output, words);
}

TEST(encoding_alpha_survives_any_allocation_that_fails)
{
    REQUIRE(set_up());
    refuse_each_of("encode", "noise.png", "noise.lic", "--alpha=keep", "1");
    refuse_each_of("encode", "noise.png", "noise.lic", "--alpha=keep", "2");
    refuse_each_of("encode", "noise.png", "blend.lic", "--alpha=blend=102030", "1");
    refuse_each_of("encode", "noise.png", "report.lic", "--report", "1");
    refuse_each_of("encode", interlaced, "interlaced.lic", "--alpha=keep", "1");
}

/* What is kept of each input that failed, for the end of a batch. */
TEST(batches_of_failures_survive_any_allocation_that_fails)
{
    REQUIRE(set_up());
    char in[3][320];
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "missing%d.png", i);
        snprintf(in[i], sizeof in[i], "%s", path_of(name));
    }
    const char *const words[] = {"encode", "--quiet", "-T", "1", in[0], in[1], in[2], NULL};
    CHECK_EQ_INT(run(words), LIC_EXIT_FAILED);
    const int n = atomic_load(&calls);
    CHECK(n > 10);
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < n; i++) {
            refuse_on = way == 1;
            atomic_store(&first_refused, i);
            const int code = run(words);
            if (test_failed(code == LIC_EXIT_FAILED && atomic_load(&live) == 0))
                say(i, n, code);
        }
    atomic_store(&first_refused, -1);
}

TEST(decoding_alpha_survives_any_allocation_that_fails)
{
    REQUIRE(set_up());
    refuse_each_of("decode", "noise.lic", "noise2.png", "--alpha=keep", "1");
    refuse_each_of("decode", "noise.lic", "noise2.png", "--alpha=keep", "2");
    refuse_each_of("decode", "noise.lic", "part.png", "--crop=50x40+30+20", "1");
    refuse_each_of("decode", "noise.lic", "blend.ppm", "--alpha=blend=102030", "1");
    refuse_each_of("decode", "noise.lic", "deep.png", "--depth=16", "1");
}
