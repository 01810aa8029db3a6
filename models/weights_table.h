/* weights_table.h - what weights.c and weights_layers.c share: the entry of a tensor, and finding
 * it. */
#ifndef LIC_MODELS_WEIGHTS_TABLE_H
#define LIC_MODELS_WEIGHTS_TABLE_H

#include "codec/base/status.h"
#include "models/weights.h"

enum { LIC_WEIGHTS_NAME = 72 }; /* bytes of a tensor's name, its end included */
enum {
    LIC_WEIGHTS_F32 = 0,
    LIC_WEIGHTS_F16 = 1,
    LIC_WEIGHTS_U16 = 2,
    LIC_WEIGHTS_I32 = 3,
    LIC_WEIGHTS_N_TYPES = 4
};

typedef struct lic_weights_entry {
    const char *name;
    uint32_t type, rank, dims[4], crc;
    size_t offset, bytes, count;
} lic_weights_entry;

/* Keeps the first failure. */
#define LIC_WEIGHTS_FAIL(w, ...)                                                                   \
    ((w)->status ? (w)->status                                                                     \
                 : ((w)->status = lic_fail((w)->err, LIC_ERR_MODEL_INVALID, __VA_ARGS__)))

/* Finds a float tensor of exactly this shape and marks it used; false (and a sticky error)
 * otherwise. */
bool lic_weights_find_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4],
                             lic_weights_entry *e);
/* n floats of the arena, followed by a panel of zeros. */
float *lic_weights_take(lic_weights *w, size_t n);

#endif
