/* strict_scalar.c - the strict kernels in plain C, for any machine. On x86 the baseline has no fma,
 * so an exact software one serves (soft_fma.h); other machines use the compiler's. */
#if defined(__x86_64__) || defined(__i386__) || defined(__wasm__)
#define LIC_SIMD_SOFT_FMA
#endif
#define LIC_TABLE  lic_kernels_scalar
#define LIC_CPU_ID LIC_CPU_SCALAR
#define LIC_ROWS_1 1
#define LIC_ROWS_2 0
#define LIC_ROWS_3 0
#define LIC_PLANE_OUTPUTS 1
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS 1
#define LIC_BYTE_ROWS 1
#define LIC_BYTE_PANELS 1
#include "models/kernels/strict_impl.h"
