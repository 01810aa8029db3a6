/* weights_entry.h - tensors of a weights file as weights.c finds and checks them, for the layers
 * that weights_layers.c binds to them, and for reading and conversion. Not for others. */
#ifndef LIC_MODELS_WEIGHTS_ENTRY_H
#define LIC_MODELS_WEIGHTS_ENTRY_H

#include "models/weights.h"

enum { LIC_WEIGHTS_HEAD = 64 }; /* bytes */
enum { LIC_TENSOR_NAME = 72 };  /* bytes of a tensor's name, its end included */
typedef enum lic_tensor_type {
    LIC_TENSOR_F32 = 0,
    LIC_TENSOR_F16 = 1,
    LIC_TENSOR_U16 = 2,
    LIC_TENSOR_I32 = 3,
    LIC_TENSOR_I8 = 4, /* not in files of version 1 */
    LIC_N_TENSOR_TYPES = 5
} lic_tensor_type;

typedef struct lic_entry {
    const char *name;
    uint32_t type, rank, dims[4], crc;
    size_t offset, bytes, count;
} lic_entry;

/* Keeps the first failure. */
#define LIC_WEIGHTS_FAIL(w, ...)                                                                   \
    ((w)->status ? (w)->status                                                                     \
                 : ((w)->status = lic_fail((w)->err, LIC_ERR_MODEL_INVALID, __VA_ARGS__)))

/* Checks the first LIC_WEIGHTS_HEAD bytes, w->data, of a file of w->bytes. */
lic_status lic_weights_check_head(lic_weights *w);
/* Bytes from the start of the file to its tensors, by the head. */
uint64_t lic_weights_payload(const lic_weights *w);
/* Checks these bytes: their checksum, and what they say of the tensors. */
lic_status lic_weights_check_tables(lic_weights *w);
/* n bytes of the file: where they are, or read to `buffer`. NULL: they could not be read; *why says
 * so as lic_weights_read does. Any thread may call it. */
const uint8_t *lic_weights_bytes(const lic_weights *w, size_t at, size_t n, uint8_t *buffer,
                                 int *why);

/* Fails as *why says. */
lic_status lic_weights_fail_read(lic_weights *w, int why);
lic_status lic_weights_fail_sum(lic_weights *w, const char *name);
/* Does the jobs of a pass, unless it was for planning or has failed. (weights_convert.c) */
void lic_weights_convert(lic_weights *w);

/* The type of a tensor; LIC_N_TENSOR_TYPES: it is not there. */
uint32_t lic_entry_type(lic_weights *w, const char *name);
/* Each finds a tensor once and fails if it is not there. */
bool lic_entry_find(lic_weights *w, const char *name, lic_entry *out);
/* The same of binary32 or binary16 in this shape. */
bool lic_entry_find_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4],
                           lic_entry *e);
/* Fails if type or shape are not right. */
bool lic_entry_check(lic_weights *w, const lic_entry *e, int rank, const uint32_t dims[4],
                     bool right_type);

#endif
