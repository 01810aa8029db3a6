/* strict_scalar_fma.c - the strict kernels in plain C, for x86 processors with a scalar fma. */
typedef int
    lic_strict_scalar_fma_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__x86_64__)
#define LIC_SIMD_SCALAR
#define LIC_TABLE  lic_kernels_scalar_fma
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
#endif
