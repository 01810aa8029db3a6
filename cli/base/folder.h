/* folder.h - the files of a folder, sorted by name so that results have the same order everywhere;
 * and the partner of a file in another folder, which has the same name, or the same up to the
 * suffix. */
#ifndef LIC_CLI_BASE_FOLDER_H
#define LIC_CLI_BASE_FOLDER_H

#include "codec/lic.h"

#include <dirent.h>
#include <stdbool.h>

typedef struct lic_folder {
    const char *path; /* the caller's */
    struct dirent **entries;
    size_t n;
} lic_folder;

bool lic_folder_is(const char *path);

/* Regular files, hidden ones left out. Free in any case. */
lic_status lic_folder_list(const char *path, lic_folder *folder, lic_error *err);
void lic_folder_free(lic_folder *folder);

/* Calls visit for every file below the folder, folder by folder in order of names; hidden ones and
 * links to folders are left out. `name` is the path below the folder. Stops when visit fails. A
 * folder that cannot be read is reported and counted in *n_unread, and the visit goes on. */
typedef lic_status (*lic_folder_visit)(void *user, const char *path, const char *name,
                                       lic_error *err);
lic_status lic_folder_walk(const char *folder, lic_folder_visit visit, void *user, size_t *n_unread,
                           lic_error *err);

/* Makes the folders in the path of a file. */
lic_status lic_folder_make_for(const char *path, lic_error *err);

/* "folder/name", to be freed; NULL without memory. */
char *lic_folder_join(const char *folder, const char *name);

/* The file that belongs to `name`; fails if there is none or more than one candidate. */
lic_status lic_folder_find(const lic_folder *folder, const char *name, const char **found,
                           lic_error *err);

#endif
