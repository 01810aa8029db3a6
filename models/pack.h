/* pack.h - turns tensors of the weights file into the layouts of the kernels: panels of 16 output
 * channels. They stay in binary16 if the file has that, for half the memory, else they are
 * binary32. A tensor comes in parts, so that it need not be in memory as a whole. Jobs are
 * independent, so a model loads on all threads. */
#ifndef LIC_MODELS_PACK_H
#define LIC_MODELS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lic_pack_kind {
    LIC_PACK_PANELS, /* [ceil(cout / 16)][taps, cin][16], missing channels zero */
    LIC_PACK_HALVES, /* the same, unconverted: binary16 */
    LIC_PACK_BYTES,  /* as lic_gemm has them, from signed bytes */
    LIC_PACK_ROWS    /* [taps, cin][cout] */
} lic_pack_kind;

/* Output channel j of the layer is row j * stride + first of the tensor [rows, cin, kernel,
 * kernel]; of the kernel's elements only tap_first, tap_first + tap_step, ... are kept. */
typedef struct lic_packing {
    int cout, cin, kernel;
    int stride, first;
    int tap_first, tap_step;
} lic_packing;

typedef struct lic_pack_job {
    lic_pack_kind kind;
    lic_packing p;
    const char *name; /* of the tensor, for messages */
    size_t at;        /* of its values in the weights file, which are little-endian */
    uint32_t crc;     /* of them */
    bool half;        /* binary16, else binary32, or bytes */
    bool positive;    /* all values must be above 0 */
    void *out;        /* uint16_t of LIC_PACK_HALVES, int8_t of LIC_PACK_BYTES, else float */
    int32_t *offsets; /* of LIC_PACK_BYTES: [panels][taps][16], -128 times the sum of a tap */
    bool bad;         /* out: some value is infinite, NaN, above 1e30 or a byte of -128 */
    bool damaged;     /* out, of the first job of a tensor: the checksum is wrong */
    int unread;       /* out, likewise: why a part could not be read, as weights.h says */
} lic_pack_job;

int lic_pack_taps(const lic_packing *p);
/* Values that a job writes, without the LIC_PANEL zeros after them (none after bytes). */
size_t lic_pack_count(lic_pack_kind kind, const lic_packing *p);
/* The offsets that go with LIC_PACK_BYTES. */
size_t lic_pack_offsets(const lic_packing *p);
/* Bytes of a row of the tensor. */
size_t lic_pack_row_bytes(const lic_pack_job *j);
/* Packs output channels first .. first + n - 1 of a job, where first is a multiple of LIC_PANEL and
 * n is one too or reaches the last channel. `rows` are the n * stride rows of the tensor that
 * begin with row first * stride. */
void lic_pack_part(lic_pack_job *j, const uint8_t *rows, int first, int n);
/* What is left to do when all parts are packed. */
void lic_pack_end(lic_pack_job *j);
/* n values to binary32; false if one is infinite, NaN or above 1e30. */
bool lic_pack_values(float *out, const uint8_t *src, bool half, size_t n);

#endif
