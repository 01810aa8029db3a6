/* model_find.c - lic_model_find: finds the weights file that a name or a stream's model id means.
 * Only the heads of files are read here, to choose one; opening it verifies everything.
 *
 * Folders beside the program or the library count only in a tree that nobody else can write to: a
 * program that was built in /tmp must not load what others have put there. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, secure_getenv */
#endif
#include "codec/base/status.h"
#include "codec/model.h"
#include "codec/options.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where `make install` puts them. */
#ifndef LIC_WEIGHTS_DIR
#define LIC_WEIGHTS_DIR "/usr/local/share/lic"
#endif

enum { MAX_FOLDERS = 8, MAX_NAMES = 64, NAME_BYTES = 256, TREE_DEPTH = 3 };

struct folders {
    char path[MAX_FOLDERS][PATH_MAX];
    int n;
};

/* ---- the search path ---- */

static void add(struct folders *f, const char *path)
{
    char real[PATH_MAX];
    struct stat st;
    if (f->n == MAX_FOLDERS || !realpath(path, real) || stat(real, &st) || !S_ISDIR(st.st_mode))
        return;
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->path[i], real))
            return;
    strcpy(f->path[f->n++], real);
}

/* Whether a folder and all above it, up to the root of the program's tree, belong to root, to this
 * user or to the program's owner, and are not writable by everybody. */
static bool is_trusted(const char *folder, uid_t owner)
{
    char at[PATH_MAX];
    struct stat st;
    if (!realpath(folder, at))
        return false;
    for (int i = 0; i < TREE_DEPTH && at[0]; i++) {
        if (stat(at, &st) || (st.st_mode & S_IWOTH) ||
            (st.st_uid != 0 && st.st_uid != owner && st.st_uid != geteuid()))
            return false;
        *strrchr(at, '/') = 0;
    }
    return true;
}

/* Adds a place relative to the folder of a file: of the program, or of the library. */
static void add_beside(struct folders *f, const char *file, const char *rest)
{
    char path[PATH_MAX];
    struct stat st;
    const char *slash = strrchr(file, '/');
    if (!slash || stat(file, &st))
        return;
    const int n = snprintf(path, sizeof path, "%.*s%s", (int)(slash - file), file, rest);
    if (n > 0 && n < (int)sizeof path && is_trusted(path, st.st_uid))
        add(f, path);
}

/* Path of the running program, links resolved; "" if there is no /proc. */
static void program_path(char path[PATH_MAX])
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = 0;
}

static void library_path(char path[PATH_MAX])
{
    static const char inside;
    Dl_info here;
    if (!dladdr(&inside, &here) || !here.dli_fname || !realpath(here.dli_fname, path))
        path[0] = 0;
}

static const char *environment(void)
{
#if defined(__GLIBC__)
    const char *named = secure_getenv("LIC_MODEL_DIR");
#else
    const char *named = getenv("LIC_MODEL_DIR");
#endif
    return named && *named ? named : NULL;
}

static void list_folders(struct folders *f, const char *first)
{
    char program[PATH_MAX], library[PATH_MAX];
    const char *named = environment();
    f->n = 0;
    if (first)
        add(f, first);
    if (named)
        add(f, named);
    program_path(program);
    library_path(library);
    add_beside(f, program, "/../share/lic");
    add_beside(f, library, "/../share/lic");
    add(f, LIC_WEIGHTS_DIR);
    add_beside(f, program, "/../models/weights");
}

/* For messages. */
static void describe(const struct folders *f, char *text, size_t bytes)
{
    int n = snprintf(text, bytes, f->n ? "looked in " : "no folder with models was found");
    for (int i = 0; i < f->n && n >= 0 && (size_t)n < bytes; i++)
        n += snprintf(text + n, bytes - (size_t)n, "%s%.80s", i ? ", " : "", f->path[i]);
}

/* ---- files ---- */

/* The hash in the head of a network's weights file (models/WEIGHTS.md: signature at 0, hash at 40,
 * family at 48). */
static bool read_hash(const char *path, uint64_t *hash)
{
    static const uint8_t signature[8] = {0x8F, 'l', 'i', 'c', 'w', '\r', '\n', 0x1A};
    static const char family[16] = "s2lic";
    uint8_t head[64];
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode)) /* not a pipe, which would block */
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    const bool ok = fread(head, 1, sizeof head, file) == sizeof head &&
                    memcmp(head, signature, sizeof signature) == 0 &&
                    memcmp(head + 48, family, sizeof family) == 0;
    fclose(file);
    *hash = 0;
    for (int i = 0; ok && i < 8; i++)
        *hash |= (uint64_t)head[40 + i] << (8 * i);
    return ok;
}

static bool is_weights_name(const char *name)
{
    const char suffix[] = ".licw";
    const size_t n = strlen(name), m = sizeof suffix - 1;
    return n > m && n < NAME_BYTES && strcmp(name + n - m, suffix) == 0;
}

/* Some names of a folder, sorted. */
struct names {
    char name[MAX_NAMES][NAME_BYTES];
    size_t n;
};

/* Puts a name in its place; of too many, the last one goes. */
static void insert_name(struct names *names, const char *name)
{
    size_t at = names->n;
    while (at > 0 && strcmp(names->name[at - 1], name) > 0)
        at--;
    if (at == MAX_NAMES)
        return;
    names->n += names->n < MAX_NAMES;
    memmove(names->name[at + 1], names->name[at], (names->n - 1 - at) * NAME_BYTES);
    strcpy(names->name[at], name);
}

/* The first names after this one: what a folder holds may be more than fits. */
static void list_names(const char *folder, const char *after, struct names *names)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    names->n = 0;
    while (entries && (entry = readdir(entries)))
        if (is_weights_name(entry->d_name) && strcmp(entry->d_name, after) > 0)
            insert_name(names, entry->d_name);
    if (entries)
        closedir(entries);
}

/* Visits files in order of their names, so that a search finds the same everywhere. */
static int visit_folder(const char *folder, lic_model_visit visit, void *user)
{
    struct names names;
    char path[PATH_MAX], after[NAME_BYTES] = "";
    uint64_t hash;
    int stop = 0;
    do {
        list_names(folder, after, &names);
        for (size_t i = 0; i < names.n && !stop; i++) {
            const int length = snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
            if (length > 0 && length < (int)sizeof path && read_hash(path, &hash))
                stop = visit(user, path, hash);
        }
        if (names.n)
            strcpy(after, names.name[names.n - 1]);
    } while (names.n == MAX_NAMES && !stop);
    return stop;
}

static int visit_folders(const struct folders *f, lic_model_visit visit, void *user)
{
    int stop = 0;
    for (int i = 0; i < f->n && !stop; i++)
        stop = visit_folder(f->path[i], visit, user);
    return stop;
}

int lic_model_each(const char *folder, lic_model_visit visit, void *user)
{
    struct folders f;
    list_folders(&f, folder);
    return visit_folders(&f, visit, user);
}

/* ---- finding ---- */

/* Errors name the file. */
static lic_status open_file(const char *path, const lic_model_options *options, lic_model **model,
                            lic_error *err)
{
    lic_error why;
    const lic_status status = lic_model_open(path, options, model, &why);
    return status ? lic_fail(err, status, "model %.100s: %.130s", path, why.text) : LIC_OK;
}

static lic_status find_name(const char *name, const struct folders *f,
                            const lic_model_options *options, lic_model **model, lic_error *err)
{
    char path[PATH_MAX + NAME_BYTES + 8], where[160];
    if (strchr(name, '/') || is_weights_name(name))
        return open_file(name, options, model, err);
    for (int i = 0; i < f->n; i++) {
        snprintf(path, sizeof path, "%s/%.255s.licw", f->path[i], name);
        if (access(path, F_OK) == 0)
            return open_file(path, options, model, err);
    }
    describe(f, where, sizeof where);
    return lic_fail(err, LIC_ERR_MODEL_OPEN, "no model '%.40s' (%s)", name, where);
}

struct wanted {
    uint32_t id;
    char path[PATH_MAX];
};

static int match_id(void *user, const char *path, uint64_t hash)
{
    struct wanted *wanted = user;
    if ((uint32_t)hash != wanted->id)
        return 0;
    strcpy(wanted->path, path);
    return 1;
}

static lic_status find_id(uint32_t id, const struct folders *f, const lic_model_options *options,
                          lic_model **model, lic_error *err)
{
    struct wanted wanted = {.id = id};
    char where[140];
    if (visit_folders(f, match_id, &wanted))
        return open_file(wanted.path, options, model, err);
    describe(f, where, sizeof where);
    return lic_fail(err, LIC_ERR_MODEL_WRONG, "needs model %08x (%s; LIC_MODEL_DIR names another)",
                    (unsigned)id, where);
}

lic_status lic_model_find(const char *name, uint32_t id, const lic_model_options *options,
                          lic_model **model, lic_error *err)
{
    struct folders folders;
    lic_model_options own;
    if (!model)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_model_find: bad argument");
    *model = NULL;
    const lic_status status = lic_model_options_take(options, &own, err);
    if (status)
        return status;
    list_folders(&folders, own.folder);
    if (!name && id)
        return find_id(id, &folders, &own, model, err);
    return find_name(name ? name : LIC_DEFAULT_MODEL, &folders, &own, model, err);
}
