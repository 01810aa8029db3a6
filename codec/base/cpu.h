/* cpu.h - which instruction sets this machine has, and the floating-point environment that the
 * strict kernels need: round to nearest even, subnormals kept. */
#ifndef LIC_BASE_CPU_H
#define LIC_BASE_CPU_H

#include "codec/base/arithmetic.h"
#include "codec/lic.h"

#include <stdbool.h>
#include <stdint.h>

/* True if the machine (not the build) can run the level. LIC_CPU in the environment is ignored. */
bool lic_cpu_machine_has(lic_cpu cpu);
/* True if the processor has a fused multiply-add for scalars. */
bool lic_cpu_has_fma(void);
/* The level of this name, or -1, and the name of a level, "auto" among them. */
int lic_cpu_parse(const char *name);
const char *lic_cpu_level_name(lic_cpu cpu);

/* To be called in a loop that waits for another thread. */
void lic_cpu_relax(void);

/* Sets the control word for strict arithmetic and returns the old one; leave restores it. */
uint64_t lic_fp_enter(void);
void lic_fp_leave(uint64_t saved);

#endif
