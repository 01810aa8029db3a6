/* nn_openblas.h - OpenBLAS for the matrix products of g_a, h_a and g_s: to compare with, for
 * processors without a kernel of ours, and to check that ours are right. Never in the entropy
 * path. */
#ifndef LIC_MODELS_NN_OPENBLAS_H
#define LIC_MODELS_NN_OPENBLAS_H

#include "models/nn.h"

/* Loads OpenBLAS if necessary; false if this build or machine lacks it. Thread-safe. */
bool lic_openblas_available(void);
/* A drop-in for the kernel table's gemm; falls back to the strict one where w_rows is NULL. */
void lic_openblas_gemm(const lic_gemm *g);

#endif
