/* arena.h - all working memory of one encoder or decoder, in one 64-byte-aligned block.
 *
 * Forward code takes tensors and rewinds to a mark. In planning mode there is no memory behind the
 * arena: takes return NULL and only the peak is recorded. So the same forward code yields the exact
 * number of bytes that it will need. The failure flag is sticky: code may take many tensors and ask
 * once. */
#ifndef LIC_BASE_ARENA_H
#define LIC_BASE_ARENA_H

#include "codec/lic.h"

#include <stdbool.h>

#define LIC_ALIGN 64

typedef struct lic_arena {
    uint8_t *block, *base; /* as allocated; aligned */
    size_t bytes, used, peak;
    bool planning, failed;
    const lic_allocator *allocator;
} lic_arena;

/* An arena that counts instead of holding memory. */
void lic_arena_plan(lic_arena *arena);
/* Gives the arena a block of `bytes`; one that is large enough is kept. False: no memory. */
bool lic_arena_reserve(lic_arena *arena, size_t bytes, const lic_allocator *allocator);
/* What that asks the allocator for; SIZE_MAX if no size_t can hold it. */
size_t lic_arena_whole(size_t bytes);
void lic_arena_release(lic_arena *arena);

/* Takes count elements of `size` bytes, aligned, not cleared. NULL while planning and after a
 * failure. */
void *lic_arena_take(lic_arena *arena, size_t count, size_t size);
size_t lic_arena_mark(const lic_arena *arena);
void lic_arena_rewind(lic_arena *arena, size_t mark);

#endif
