/* model.h - what lic_model holds: a network, its coder tables, and the memory both lie in. */
#ifndef LIC_CODEC_MODEL_H
#define LIC_CODEC_MODEL_H

#include "codec/base/arena.h"
#include "codec/lic.h"
#include "entropy/cdf.h"
#include "models/network.h"

struct lic_model {
    network net;
    lic_cdf_set y_tables, z_tables; /* y: by scale index; z: by channel and, if there are
                                       LIC_Z_CONTEXTS for each, by neighbours */
    uint32_t z_least_cost; /* fewest bits that a position of z takes, in 1/LIC_CDF_COST_UNIT bits */
    lic_arena arena;
    lic_model_info info;
    lic_backend backend;
    uint32_t uses; /* as in lic_model_options, but not 0 */
    const lic_allocator *allocator;
};

/* The id by which streams refer to the model. */
uint32_t lic_model_id(const lic_model *model);

#endif
