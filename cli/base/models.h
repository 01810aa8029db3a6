/* models.h - finds weights files: by name or path for encoding, by a stream's model id for
 * decoding. Folders, in this order: LIC_MODEL_DIR, share/lic beside the program's bin,
 * models/weights of the source tree that the program was built in, a folder that was added. */
#ifndef LIC_CLI_BASE_MODELS_H
#define LIC_CLI_BASE_MODELS_H

#include "codec/lic.h"

#include <stdbool.h>

/* The model that encoding uses when none is named. */
#define LIC_DEFAULT_MODEL "student"

/* A file if the name has a slash or ends in .licw, else NAME.licw in one of the folders. */
lic_status lic_models_open_name(const char *name, const lic_model_options *options,
                                lic_model **model, lic_error *err);
/* The file in one of the folders whose hash ends in this id. */
lic_status lic_models_open_id(uint32_t id, const lic_model_options *options, lic_model **model,
                              lic_error *err);

/* A folder to look in after the others, for code that runs in other programs. The text stays the
 * caller's. */
void lic_models_add_folder(const char *folder);

/* Called for each weights file in the folders; stops when it returns true. */
typedef bool (*lic_models_visit)(void *user, const char *path, uint64_t hash);
bool lic_models_for_each(lic_models_visit visit, void *user);

#endif
