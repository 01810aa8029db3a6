/* strict_sse4.c - the strict kernels for SSE4.1, on x86 processors without AVX2 or FMA. */
typedef int lic_strict_sse4_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__x86_64__)
#define LIC_SIMD_SSE4
#define LIC_TABLE         lic_kernels_sse4
#define LIC_CPU_ID        LIC_CPU_SSE4
#define LIC_ROWS_1        4
#define LIC_ROWS_2        0
#define LIC_ROWS_3        0
#define LIC_PLANE_OUTPUTS 4
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS     2
#define LIC_BYTE_ROWS     4
#define LIC_BYTE_PANELS   1
#include "models/kernels/strict_impl.h"
#endif
