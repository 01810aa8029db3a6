/* model.h - what lic_model holds: a network, its coder tables, and the memory both lie in. */
#ifndef LIC_CODEC_MODEL_H
#define LIC_CODEC_MODEL_H

#include "codec/base/arena.h"
#include "codec/lic.h"
#include "entropy/cdf.h"
#include "models/network.h"

struct lic_model {
    network net;
    lic_cdf_set y_tables, z_tables; /* by scale index; by channel of z and, where there are
                                       LIC_Z_CONTEXTS for each, its neighbours */
    uint32_t
        z_least_cost; /* least that a position of z takes in code, in 1/LIC_CDF_COST_UNIT bits */
    lic_arena arena;
    lic_model_info info;
    lic_backend backend;
    const lic_allocator *allocator;
};

/* What streams call the model. */
uint32_t lic_model_id(const lic_model *model);

#endif
