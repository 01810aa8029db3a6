/* options.h - structs that cross the border of the library. A caller may have been compiled with a
 * shorter or a longer form of them; struct_bytes, their first member, tells which. */
#ifndef LIC_CODEC_OPTIONS_H
#define LIC_CODEC_OPTIONS_H

#include "codec/lic.h"

/* Takes the defaults, then what the caller's struct has (NULL: nothing). In a longer struct, all
 * that is not known here must be zero. */
lic_status lic_options_take(const lic_options *from, lic_options *own, lic_error *err);
lic_status lic_model_options_take(const lic_model_options *from, lic_model_options *own,
                                  lic_error *err);
lic_status lic_encode_options_take(const lic_encode_options *from, lic_encode_options *own,
                                   lic_error *err);
lic_status lic_decode_options_take(const lic_decode_options *from, lic_decode_options *own,
                                   lic_error *err);
/* Takes a struct without defaults. Its struct_bytes may be 0, which means the first form. */
lic_status lic_struct_take(const void *from, size_t first_bytes, void *own, size_t own_bytes,
                           lic_error *err);

/* Hands over a result: as much of it as the caller's struct of `bytes` bytes takes, zeros for what
 * is not known here, and the size in front. */
void lic_struct_give(const void *own, size_t own_bytes, void *to, size_t bytes);

#endif
