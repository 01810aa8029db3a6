/* strict_avx2.c - the strict kernels for AVX2 with FMA. */
typedef int lic_strict_avx2_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__x86_64__)
#define LIC_SIMD_AVX2
#define LIC_TABLE  lic_kernels_avx2
#define LIC_CPU_ID LIC_CPU_AVX2
#define LIC_ROWS_1 6
#define LIC_ROWS_2 0
#define LIC_ROWS_3 0
#define LIC_PLANE_OUTPUTS 6
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS 2
#define LIC_BYTE_ROWS 4
#define LIC_BYTE_PANELS 1
#include "models/kernels/strict_impl.h"
#endif
