/* network_load.h - fills a network from an opened weights file. */
#ifndef LIC_MODELS_NETWORK_LOAD_H
#define LIC_MODELS_NETWORK_LOAD_H

#include "models/network.h"
#include "models/weights.h"

/* Reads the configuration and every tensor into the arena. Call it once planning, then once for
 * real. */
lic_status lic_network_load(lic_weights *w, lic_arena *arena, network *net);

#endif
