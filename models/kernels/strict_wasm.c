/* strict_wasm.c - the strict kernels for WebAssembly with SIMD128; fma is made of double arithmetic. */
typedef int lic_strict_wasm_not_empty; /* ISO C wants a declaration where the machine is another */
#if defined(__wasm_simd128__)
#define LIC_SIMD_WASM
#define LIC_TABLE  lic_kernels_wasm
#define LIC_CPU_ID LIC_CPU_WASM
#define LIC_ROWS_1 2
#define LIC_ROWS_2 0
#define LIC_ROWS_3 0
#define LIC_PLANE_OUTPUTS 1
#define LIC_PLANE_VECTORS 1
#define LIC_DW_PIXELS 2
#define LIC_BYTE_ROWS 2
#define LIC_BYTE_PANELS 1
#include "models/kernels/strict_impl.h"
#endif
