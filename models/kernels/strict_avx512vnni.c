/* strict_avx512vnni.c - the strict kernels for AVX-512 with VNNI, which layers in integers like. */
typedef int
    lic_strict_avx512vnni_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__x86_64__)
#define LIC_SIMD_AVX512
#define LIC_SIMD_VNNI
#define LIC_TABLE  lic_kernels_avx512vnni
#define LIC_CPU_ID LIC_CPU_AVX512VNNI
#define LIC_ROWS_1 12
#define LIC_ROWS_2 8
#define LIC_ROWS_3 8
#define LIC_PLANE_OUTPUTS 12
#define LIC_PLANE_VECTORS 2
#define LIC_DW_PIXELS 8
#define LIC_BYTE_ROWS 8
#define LIC_BYTE_PANELS 3
#include "models/kernels/strict_impl.h"
#endif
