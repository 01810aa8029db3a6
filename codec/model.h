/* model.h - what lic_model holds: a network, its coder tables, and the memory both lie in. */
#ifndef LIC_CODEC_MODEL_H
#define LIC_CODEC_MODEL_H

#include "codec/base/arena.h"
#include "codec/lic.h"
#include "entropy/cdf.h"
#include "models/weights.h"

#include <limits.h>

struct lic_model {
    network net;
    lic_cdf_set y_tables, z_tables; /* y: by scale index; z: by channel and, if there are
                                       LIC_Z_CONTEXTS for each, by neighbours */
    uint32_t z_least_cost; /* fewest bits that a position of z takes, in 1/LIC_CDF_COST_UNIT bits */
    lic_arena arena, previews; /* of the network; of heads from the file beside its own */
    lic_model_info info;
    lic_backend backend;
    uint32_t uses; /* as in lic_model_options, but not 0 */
    const lic_allocator *allocator;
};

/* Puts into the info what previews there are. */
void lic_model_note_previews(lic_model *model);
/* Adds the heads for previews of a file whose head and tables are good; after an error the model is
 * as it was. (model_previews.c) */
lic_status lic_model_take_previews(lic_model *model, lic_weights *w);

/* The file of heads beside a network's own. It is open before the network is loaded, so that what
 * its head says then holds for the tensors that are read later, whatever becomes of the name. */
typedef struct lic_beside {
    bool is_there;
    lic_weights w;
    lic_error why; /* for w */
    char name[PATH_MAX];
} lic_beside;

/* Opens the one beside `path`, if there is one. Close it in any case. Errors name it. */
lic_status lic_beside_open(lic_beside *beside, const char *path, const lic_allocator *allocator,
                           lic_error *err);
/* Adds its heads to the model, if it is there. */
lic_status lic_beside_take(lic_beside *beside, lic_model *model, lic_error *err);
void lic_beside_close(lic_beside *beside);

/* The id by which streams refer to the model. */
uint32_t lic_model_id(const lic_model *model);

#endif
