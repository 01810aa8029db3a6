/* strict_neon.c - the strict kernels for NEON (AArch64). */
typedef int lic_strict_neon_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__aarch64__)
#define LIC_SIMD_NEON
#define LIC_TABLE  lic_kernels_neon
#define LIC_CPU_ID LIC_CPU_NEON
#define LIC_ROWS_1 6
#define LIC_ROWS_2 0
#define LIC_ROWS_3 0
#define LIC_PLANE_OUTPUTS 6
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS 4
#define LIC_BYTE_ROWS 4
#define LIC_BYTE_PANELS 1
#include "models/kernels/strict_impl.h"
#endif
