/* model.h - what lic_model holds: a network, its coder tables, and the memory both lie in. */
#ifndef LIC_CODEC_MODEL_H
#define LIC_CODEC_MODEL_H

#include "codec/base/arena.h"
#include "codec/lic.h"
#include "entropy/cdf.h"
#include "models/network.h"

struct lic_weights; /* models/weights.h */

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
lic_status lic_model_take_previews(lic_model *model, struct lic_weights *w);
/* Before the model is loaded: the shape of the head in the file beside it, if there is one. */
void lic_model_note_beside(const char *path, struct lic_weights *w);
/* The same of the file beside the model's own, at `path`, if there is one. */
lic_status lic_model_open_previews(lic_model *model, const char *path, lic_error *err);

/* The id by which streams refer to the model. */
uint32_t lic_model_id(const lic_model *model);

#endif
