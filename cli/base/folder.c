/* folder.c - see folder.h. */
#include "cli/base/folder.h"

#include "cli/base/report.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool lic_folder_is(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *lic_folder_join(const char *folder, const char *name)
{
    size_t n = strlen(folder), bytes = n + strlen(name) + 2;
    char *path = malloc(bytes);
    if (path)
        snprintf(path, bytes, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
    return path;
}

/* Which entries a list takes. */
typedef bool (*wanted)(const char *path);

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Files, and folders that are not links (those could lead in circles). A link that leads nowhere is
 * taken too, so that an error says that it cannot be read. */
static bool is_file_or_folder(const char *path)
{
    struct stat entry, file;
    if (lstat(path, &entry) != 0)
        return false;
    if (stat(path, &file) != 0)
        return S_ISLNK(entry.st_mode);
    return S_ISREG(file.st_mode) || S_ISDIR(entry.st_mode);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static lic_status list(const char *path, wanted want, lic_folder *folder, lic_error *err)
{
    *folder = (lic_folder){.path = path};
    const int n = scandir(path, &folder->entries, is_shown, by_name);
    if (n < 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot open: %s", strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        struct dirent *entry = folder->entries[i];
        char *entry_path = lic_folder_join(path, entry->d_name);
        ok = ok && entry_path;
        if (entry_path && want(entry_path))
            folder->entries[folder->n++] = entry;
        else
            free(entry);
        free(entry_path);
    }
    return ok ? LIC_OK
              : lic_report_fail(err, LIC_ERR_MEMORY, "no memory for the names of a folder");
}

lic_status lic_folder_list(const char *path, lic_folder *folder, lic_error *err)
{
    return list(path, is_file, folder, err);
}

void lic_folder_free(lic_folder *folder)
{
    for (size_t i = 0; i < folder->n; i++)
        free(folder->entries[i]);
    free(folder->entries);
    *folder = (lic_folder){0};
}

/* root: length of the part of the path that names leave out. */
static lic_status walk(const char *path, size_t root, lic_folder_visit visit, void *user,
                       size_t *n_unread, lic_error *err)
{
    lic_folder folder;
    lic_status status = list(path, is_file_or_folder, &folder, err);
    if (status == LIC_REPORT_ERR_IO) {
        lic_report_error(path, "%s", err->text);
        ++*n_unread;
        status = LIC_OK;
    }
    for (size_t i = 0; i < folder.n && status == LIC_OK; i++) {
        char *entry = lic_folder_join(path, folder.entries[i]->d_name);
        if (!entry)
            status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for the names of a folder");
        else if (lic_folder_is(entry))
            status = walk(entry, root, visit, user, n_unread, err);
        else
            status = visit(user, entry, entry + root + (entry[root] == '/'), err);
        free(entry);
    }
    lic_folder_free(&folder);
    return status;
}

lic_status lic_folder_walk(const char *folder, lic_folder_visit visit, void *user, size_t *n_unread,
                           lic_error *err)
{
    return walk(folder, strlen(folder), visit, user, n_unread, err);
}

lic_status lic_folder_make_for(const char *path, lic_error *err)
{
    char *copy = strdup(path);
    lic_status status = LIC_OK;
    if (!copy)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for a name");
    for (char *slash = strchr(copy + 1, '/'); slash && status == LIC_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) /* another worker may have made it */
            status = lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot make folder %.120s: %s", copy,
                                     strerror(errno));
        *slash = '/';
    }
    free(copy);
    return status;
}

static size_t stem_bytes(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

lic_status lic_folder_find(const lic_folder *folder, const char *name, const char **found,
                           lic_error *err)
{
    size_t stem = stem_bytes(name);
    *found = NULL;
    for (size_t i = 0; i < folder->n; i++)
        if (strcmp(folder->entries[i]->d_name, name) == 0) {
            *found = folder->entries[i]->d_name;
            return LIC_OK;
        }
    for (size_t i = 0; i < folder->n; i++) {
        const char *other = folder->entries[i]->d_name;
        if (stem_bytes(other) != stem || memcmp(other, name, stem) != 0)
            continue;
        if (*found)
            return lic_report_fail(err, LIC_ERR_ARGUMENT,
                                   "has two candidates in %.80s: %.50s and %.50s", folder->path,
                                   *found, other);
        *found = other;
    }
    if (!*found)
        return lic_report_fail(err, LIC_ERR_ARGUMENT, "has no partner in %.150s", folder->path);
    return LIC_OK;
}
