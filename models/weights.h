/* weights.h - reader of .licw files (WEIGHTS.md). The file is hostile: every bound, name, type and
 * shape is verified before a value is used, and every checksum before a network is. Errors are
 * sticky: a caller binds a whole network and asks once. Values go to the model's arena in the
 * layouts of the kernels (pack.h); with a planning arena only the bytes are counted. */
#ifndef LIC_MODELS_WEIGHTS_H
#define LIC_MODELS_WEIGHTS_H

#include "models/network.h"
#include "models/pack.h"

enum { LIC_MAX_JOBS = 8192 };

typedef struct lic_weights lic_weights;
/* Reads a part of the file. 0; an errno; or LIC_WEIGHTS_CUT: the file has become shorter. */
typedef int (*lic_weights_read)(const lic_weights *w, size_t at, size_t bytes, uint8_t *to);

enum { LIC_WEIGHTS_CUT = -1 };

struct lic_weights {
    const uint8_t *data;   /* the file; only its head and tables if `read` is there */
    lic_weights_read read; /* NULL: all of the file is in memory */
    size_t bytes;          /* of the file */
    uint32_t version, n_config, n_tensors;
    uint64_t hash;
    uint8_t used[4096]; /* per tensor, in this pass */
    uint32_t found;     /* the last tensor that was looked for: the next one is mostly near */
    lic_arena *arena;
    lic_pool *pool;     /* the caller's */
    lic_pack_job *jobs; /* [LIC_MAX_JOBS], the caller's */
    size_t n_jobs;
    uint32_t uses; /* as in lic_model_options, but not 0; loading adds DECODES where it must */
    int side;      /* with PREVIEWS alone: only previews of up to side x side for each latent */
    uint32_t beside_outputs, beside_inputs; /* of the head in another file, if that will be read */
    bool leaves;    /* what follows is not needed: only checked to be there */
    bool keep_rows; /* OpenBLAS wants plain matrices besides the panels */
    lic_status status;
    lic_error *err;
    int fd;       /* for `read` */
    uint8_t *own; /* head and tables of a file that is read */
    const lic_allocator *allocator;
};

/* Checks head and tables of a file in memory. The bytes must stay there as long as *w is used. */
lic_status lic_weights_open(lic_weights *w, const void *data, size_t bytes,
                            const lic_allocator *allocator, lic_error *err);
/* The same of a file on disk; its tensors are read, and their checksums verified, when they are
 * converted. Call lic_weights_close in any case, also after an error. (weights_file.c) */
lic_status lic_weights_open_file(lic_weights *w, const char *path, const lic_allocator *allocator,
                                 lic_error *err);
void lic_weights_close(lic_weights *w);
/* Starts a pass over the tensors into an arena. There are two: one planning, one real. */
void lic_weights_begin(lic_weights *w, lic_arena *arena);
/* Converts what the layers asked for, on the pool; fails unless every tensor was used exactly once
 * and has the right checksum. */
lic_status lic_weights_end(lic_weights *w);

/* A whole number from the configuration, within min..max. */
int lic_weights_int(lic_weights *w, const char *key, int min, int max);
uint64_t lic_weights_count(lic_weights *w, const char *key);
void lic_weights_text(lic_weights *w, const char *key, char *out, size_t out_bytes);

/* A dimension of an optional tensor; 0: it is not there. */
uint32_t lic_weights_dim(lic_weights *w, const char *name, int dim);

/* Layers by the name of their PyTorch module; "" endings .weight and .bias are added here. */
void lic_weights_conv(lic_weights *w, conv *out, int cout, int cin, int kernel, int stride,
                      const char *module);
void lic_weights_linear(lic_weights *w, conv *out, int cout, int cin, const char *module);
void lic_weights_upconv(lic_weights *w, upconv *out, int cout, int cin, const char *module);
void lic_weights_local(lic_weights *w, conv *out, int cout, int cin, const char *module);
void lic_weights_depthwise(lic_weights *w, depthwise *out, int c, int kernel, const char *module);
void lic_weights_norm(lic_weights *w, norm *out, int c, const char *module);
/* A plain array of the given shape (unused dims 1), padded by a panel of zeros. */
const float *lic_weights_floats(lic_weights *w, const char *name, int rank, const uint32_t dims[4]);
/* Integer arrays stay in the file's layout. *n receives the length of a one-dimensional tensor. */
const uint16_t *lic_weights_u16(lic_weights *w, const char *name, size_t *n);
const int32_t *lic_weights_i32(lic_weights *w, const char *name, size_t *n);

/* Fails with `otherwise` unless the file is of this family: its kind, by the head. */
void lic_weights_family(lic_weights *w, const char *family, const char *otherwise);

/* ---- network_load.c ---- */

/* Reads the configuration and every tensor into the arena. Call it once planning, then once for
 * real. */
lic_status lic_network_load(lic_weights *w, lic_arena *arena, network *net);

/* ---- previews_load.c ---- */

/* The head for previews that a file may have. side 0: it has none. */
void lic_weights_preview(lic_weights *w, const network *net, preview_head *head);
/* Before a network is loaded: there will be the heads of this file as well. */
void lic_weights_note_beside(lic_weights *w, lic_weights *heads);
/* Slices that the heads for previews take; 0: none of them gives w->side. */
int lic_weights_preview_slices(const lic_weights *w, const network *net);
/* The same twice, as above, of a file with a head alone, for the network with this hash. It needs
 * no pool and no jobs. */
lic_status lic_previews_load(lic_weights *w, lic_arena *arena, uint64_t hash, network *net);

#endif
