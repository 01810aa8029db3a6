/* fuzz.h - what all fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; built
 * with -DLIC_FUZZER libFuzzer calls it. Otherwise this header gives it a main() that replays files,
 * or folders of files: those named as arguments, or corpus/NAME beside fuzz_NAME.c, where every
 * input that ever broke something stays. An input that fails ends the program by abort() or a
 * sanitizer; one that takes longer than REPLAY_SECONDS, or touches more than REPLAY_MEGABYTES,
 * counts as failed. Include it from one source per program. */
#ifndef LIC_TESTS_FUZZ_H
#define LIC_TESTS_FUZZ_H

#include "codec/base/bytes.h"
#include "codec/lic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What must hold for any input. */
#define FUZZ_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A block of exactly this size, so that a sanitizer sees every read too far. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    FUZZ_CHECK(copy);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

/* ---- what an input may cost ------------------------------------------------------------------ */

/* Time, with sanitizers, and memory from the allocator below: a start, and so much for each byte of
 * the input. A few bytes that cost more are a fault as a crash is one. Time counts as the lesser of
 * two clocks: the wall's runs on while others have the processor, and the processor's has been seen
 * to leap by seconds on virtual machines. -DFUZZ_SECONDS=20.0 for a slow one. */
#ifndef FUZZ_SECONDS
#define FUZZ_SECONDS 6.0
#endif
#define FUZZ_SECONDS_PER_BYTE 1e-4
enum { FUZZ_MEMORY = 64 << 20, FUZZ_MEMORY_PER_BYTE = 1024 };

enum { FUZZ_MOST_THREADS = 2 }; /* of a target */

typedef struct fuzz_cost {
    double processor, wall; /* at the start */
    size_t now, most;       /* bytes */
} fuzz_cost;

static inline double fuzz_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void *fuzz_alloc(void *user, size_t bytes)
{
    fuzz_cost *cost = user;
    size_t *block = malloc(bytes + 16); /* the size in front; 16 keep malloc's alignment */
    if (!block)
        return NULL;
    block[0] = bytes;
    cost->now += bytes;
    cost->most = cost->now > cost->most ? cost->now : cost->most;
    return block + 2;
}

static inline void fuzz_free(void *user, void *pointer)
{
    fuzz_cost *cost = user;
    size_t *block = pointer;
    if (!block)
        return;
    cost->now -= block[-2];
    free(block - 2);
}

static inline fuzz_cost fuzz_cost_begin(void)
{
    return (fuzz_cost){.processor = fuzz_clock(CLOCK_PROCESS_CPUTIME_ID),
                       .wall = fuzz_clock(CLOCK_MONOTONIC)};
}

/* Seconds of the processor since the start. */
static inline double fuzz_seconds(const fuzz_cost *cost)
{
    double processor = fuzz_clock(CLOCK_PROCESS_CPUTIME_ID) - cost->processor;
    double wall = (fuzz_clock(CLOCK_MONOTONIC) - cost->wall) * FUZZ_MOST_THREADS;
    return processor < wall ? processor : wall;
}

static inline void fuzz_cost_check(const fuzz_cost *cost, size_t bytes)
{
    FUZZ_CHECK(fuzz_seconds(cost) < FUZZ_SECONDS + FUZZ_SECONDS_PER_BYTE * (double)bytes);
    FUZZ_CHECK(cost->most < FUZZ_MEMORY + FUZZ_MEMORY_PER_BYTE * bytes);
}

/* An error must say so in one line, and success leave none. */
static inline void fuzz_check_error(lic_status status, const lic_error *err)
{
    FUZZ_CHECK(err->status == status);
    FUZZ_CHECK((status == LIC_OK) == (err->text[0] == 0));
    FUZZ_CHECK(memchr(err->text, 0, sizeof err->text) && !strchr(err->text, '\n'));
}

/* A file with these bytes, and a path to it while it is open. */
static inline FILE *fuzz_file(const void *data, size_t bytes, char path[64])
{
    FILE *file = tmpfile();
    FUZZ_CHECK(file && fwrite(data, 1, bytes, file) == bytes && !fflush(file));
    snprintf(path, 64, "/proc/self/fd/%d", fileno(file));
    return file;
}

/* Opens a weights file that is in memory; NULL, as it should be, if it is damaged. */
static inline lic_model *fuzz_open_model(const uint8_t *data, size_t bytes)
{
    char path[64];
    lic_model *model = NULL;
    lic_model_options options;
    lic_error err = {0};
    FILE *file = fuzz_file(data, bytes, path);
    lic_model_options_init(&options);
    options.threads = 1;
    const lic_status status = lic_model_open(path, &options, &model, &err);
    fuzz_check_error(status, &err);
    FUZZ_CHECK((status == LIC_OK) == (model != NULL));
    FUZZ_CHECK(status == LIC_OK || status == LIC_ERR_MODEL_INVALID);
    fclose(file);
    return model;
}

/* Where a .lic file has its checksum; 0 if it ends before. */
static inline size_t fuzz_lic_crc_at(const uint8_t *data, size_t bytes)
{
    if (bytes < 5)
        return 0;
    lic_reader r = {data + 5, data + bytes, false};
    lic_read_varint(&r);
    lic_read_varint(&r);
    size_t at = (size_t)(r.at - data) + (data[4] & 0x80 ? 2 : 0) + ((data[4] & 7) < 3 ? 10 : 4);
    return r.failed || at + 4 > bytes ? 0 : at;
}

/* Gives a .lic file its signature, version and checksum. The four bytes that stood in the
 * checksum's place are the target's own to use: `control`. */
static inline void fuzz_lic_seal(uint8_t *data, size_t bytes, uint8_t *control)
{
    static const uint8_t signature[4] = {0x9B, 'l', 'i', 'c'};
    memset(control, 0, 4);
    if (bytes < 5)
        return;
    memcpy(data, signature, sizeof signature);
    data[4] =
        (uint8_t)((data[4] & 0xF0) | ((data[4] & 7) == 2 || (data[4] & 7) == 3 ? data[4] & 7 : 1));
    const size_t at = fuzz_lic_crc_at(data, bytes);
    if (!at)
        return;
    memcpy(control, data + at, 4);
    lic_write_u32(data + at, lic_crc32(lic_crc32(0, data, at), data + at + 4, bytes - at - 4));
}

#ifndef LIC_FUZZER

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { REPLAY_SECONDS = 20, REPLAY_MEGABYTES = 700 }; /* the latter with a sanitizer's own */

static unsigned long replay_passed, replay_failed;

static inline double replay_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Megabytes. */
static inline long replay_peak(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss / 1024;
}

/* Runs the target on a file, as the fuzzer would. */
static inline void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc((size_t)1 << 24);
    FUZZ_CHECK(file && data);
    const size_t bytes = fread(data, 1, (size_t)1 << 24, file);
    fclose(file);
    printf("%s\n", path); /* first, so that a crash has a name */
    fflush(stdout);
    uint8_t *copy = fuzz_copy(data, bytes);
    free(data);
    const double start = replay_clock();
    const long peak = replay_peak();
    LLVMFuzzerTestOneInput(copy, bytes);
    const double seconds = replay_clock() - start;
    free(copy);
    const bool large = replay_peak() > peak && replay_peak() > REPLAY_MEGABYTES;
    const bool failed = seconds > REPLAY_SECONDS || large;
    if (failed)
        printf("FAILED %s: %.1f s, %ld MB\n", path, seconds, replay_peak());
    *(failed ? &replay_failed : &replay_passed) += 1;
}

/* The same for a file or all files of a folder. */
static inline void replay(const char *path)
{
    struct stat st;
    char file[1024];
    DIR *folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    if (!folder) {
        replay_file(path);
        return;
    }
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            replay_file(file);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    static const char source[] = __BASE_FILE__, prefix[] = "fuzz_";
    const char *name = strrchr(source, '/') + sizeof prefix;
    char corpus[512];
    snprintf(corpus, sizeof corpus, "%.*s/corpus/%.*s", (int)(strrchr(source, '/') - source),
             source, (int)strlen(name) - 2, name);
    if (argc == 1)
        replay(corpus);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu passed, %lu failed\n", replay_passed, replay_failed);
    return replay_failed != 0;
}

#endif
#endif
