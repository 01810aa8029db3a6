/* models.c - see models.h. Only the head of a weights file is read here, to know which file to
 * open; the library verifies everything when it opens it. */
#define _XOPEN_SOURCE 700 /* realpath */

#include "cli/base/models.h"

#include "cli/base/folder.h"
#include "cli/base/report.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FOLDERS = 5 };

struct folders {
    char path[MAX_FOLDERS][PATH_MAX];
    int n;
};

static const char *added_folder;

void lic_models_add_folder(const char *folder)
{
    added_folder = folder;
}

static void add_folder(struct folders *f, const char *base, const char *rest)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, PATH_MAX, "%s%s", base, rest);
    if (n > 0 && n < PATH_MAX && realpath(path, f->path[f->n]) && stat(path, &st) == 0 &&
        S_ISDIR(st.st_mode))
        f->n++;
}

/* Folder of the running program, links resolved; false where there is no /proc. */
static bool program_folder(char *folder, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", folder, size - 1);
    if (n <= 0)
        return false;
    folder[n] = 0;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = 0;
    return true;
}

static void list_folders(struct folders *f)
{
    char program[PATH_MAX];
    const char *named = getenv("LIC_MODEL_DIR");
    f->n = 0;
    if (named && *named)
        add_folder(f, named, "");
    if (program_folder(program, sizeof program)) {
        add_folder(f, program, "/../share/lic");
        add_folder(f, program, "/../models/weights");
        add_folder(f, program, "/../../models/weights"); /* BUILD=build/asan */
    }
    if (added_folder)
        add_folder(f, added_folder, "");
}

/* The hash in the head of a weights file (models/WEIGHTS.md: signature at 0, hash at 40). */
static bool read_hash(const char *path, uint64_t *hash)
{
    static const uint8_t signature[8] = {0x8F, 'l', 'i', 'c', 'w', '\r', '\n', 0x1A};
    uint8_t head[48];
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool ok = fread(head, 1, sizeof head, file) == sizeof head &&
              memcmp(head, signature, sizeof signature) == 0;
    fclose(file);
    *hash = 0;
    for (int i = 0; ok && i < 8; i++)
        *hash |= (uint64_t)head[40 + i] << (8 * i);
    return ok;
}

/* In order of names, so that lists are the same everywhere. */
static bool visit_folder(const char *folder, lic_models_visit visit, void *user)
{
    lic_folder files;
    lic_error err;
    bool stop = false;
    uint64_t hash;
    (void)lic_folder_list(folder, &files, &err); /* what cannot be read holds no models */
    for (size_t i = 0; i < files.n && !stop; i++) {
        const char *suffix = strrchr(files.names[i], '.');
        char *path = lic_folder_join(folder, files.names[i]);
        if (path && suffix && strcmp(suffix, ".licw") == 0 && read_hash(path, &hash))
            stop = visit(user, path, hash);
        free(path);
    }
    lic_folder_free(&files);
    return stop;
}

bool lic_models_for_each(lic_models_visit visit, void *user)
{
    struct folders folders;
    list_folders(&folders);
    for (int i = 0; i < folders.n; i++)
        if (visit_folder(folders.path[i], visit, user))
            return true;
    return false;
}

/* "a, b" or a word that says there is none; for messages. */
static void describe_folders(char *text, size_t size)
{
    struct folders folders;
    int n = 0;
    list_folders(&folders);
    snprintf(text, size, "no folder with models was found");
    for (int i = 0; i < folders.n && n >= 0 && (size_t)n < size; i++)
        n += snprintf(text + n, size - (size_t)n, "%s%.100s", i ? ", " : "looked in ",
                      folders.path[i]);
}

/* Opens a file; an error names it. */
static lic_status open_file(const char *path, const lic_model_options *options, lic_model **model,
                            lic_error *err)
{
    lic_error why;
    lic_status status = lic_model_open(path, options, model, &why);
    if (status == LIC_OK)
        return status;
    return lic_report_fail(err, status, "model %.100s: %.130s", path, why.text);
}

lic_status lic_models_open_name(const char *name, const lic_model_options *options,
                                lic_model **model, lic_error *err)
{
    char path[PATH_MAX + 300], where[160];
    struct folders folders;
    size_t bytes = strlen(name);
    if (strchr(name, '/') || (bytes > 5 && strcmp(name + bytes - 5, ".licw") == 0))
        return open_file(name, options, model, err);
    list_folders(&folders);
    for (int i = 0; i < folders.n; i++) {
        snprintf(path, sizeof path, "%s/%.255s.licw", folders.path[i], name);
        if (access(path, F_OK) == 0)
            return open_file(path, options, model, err);
    }
    describe_folders(where, sizeof where);
    return lic_report_fail(err, LIC_ERR_MODEL_OPEN, "no model '%.40s' (%s)", name, where);
}

struct search {
    uint32_t id;
    char path[PATH_MAX];
};

static bool match_id(void *user, const char *path, uint64_t hash)
{
    struct search *search = user;
    if ((uint32_t)hash != search->id)
        return false;
    snprintf(search->path, sizeof search->path, "%s", path);
    return true;
}

lic_status lic_models_open_id(uint32_t id, const lic_model_options *options, lic_model **model,
                              lic_error *err)
{
    char where[140];
    struct search search = {.id = id};
    if (lic_models_for_each(match_id, &search))
        return open_file(search.path, options, model, err);
    describe_folders(where, sizeof where);
    return lic_report_fail(err, LIC_ERR_MODEL_WRONG,
                           "needs model %08" PRIx32 " (%s; LIC_MODEL_DIR or --model names another)",
                           id, where);
}
