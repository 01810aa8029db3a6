/* strict_avx2vnni.c - the strict kernels for AVX2 with FMA and AVX-VNNI. */
typedef int lic_strict_avx2vnni_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__x86_64__)
#define LIC_SIMD_AVX2
#if defined(__AVXVNNI__) /* older compilers do not know it: then bytes are widened */
#define LIC_SIMD_VNNI
#endif
#define LIC_TABLE  lic_kernels_avx2vnni
#define LIC_CPU_ID LIC_CPU_AVX2VNNI
#define LIC_ROWS_1 6
#define LIC_ROWS_2 0
#define LIC_ROWS_3 0
#define LIC_PLANE_OUTPUTS 6
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS 2
#define LIC_BYTE_ROWS 6
#define LIC_BYTE_PANELS 1
#include "models/kernels/strict_impl.h"
#endif
