/* arena.c - see arena.h. The only place where working memory of a context is obtained. */
#include "codec/base/arena.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

#include <string.h>

void lic_arena_plan(lic_arena *arena)
{
    memset(arena, 0, sizeof *arena);
    arena->planning = true;
}

bool lic_arena_reserve(lic_arena *arena, size_t bytes, const lic_allocator *allocator)
{
    arena->used = arena->peak = 0;
    arena->failed = false;
    if (arena->block && arena->bytes >= bytes)
        return true;
    lic_arena_release(arena);
    size_t padded;
    if (!lic_add_size(bytes, LIC_ALIGN, &padded))
        return false;
    arena->block = lic_alloc(allocator, padded);
    if (!arena->block)
        return false;
    arena->base = arena->block + (LIC_ALIGN - (uintptr_t)arena->block % LIC_ALIGN) % LIC_ALIGN;
    arena->bytes = bytes;
    arena->allocator = allocator;
    return true;
}

void lic_arena_release(lic_arena *arena)
{
    if (arena->block)
        lic_dealloc(arena->allocator, arena->block);
    memset(arena, 0, sizeof *arena);
}

void *lic_arena_take(lic_arena *arena, size_t count, size_t size)
{
    size_t need, end;
    if (arena->failed || !lic_mul_size(count, size, &need) || !lic_add_size(need, LIC_ALIGN - 1, &need)) {
        arena->failed = true;
        return NULL;
    }
    need -= need % LIC_ALIGN;
    if (!lic_add_size(arena->used, need, &end) || (!arena->planning && end > arena->bytes)) {
        arena->failed = true;
        return NULL;
    }
    uint8_t *at = arena->planning ? NULL : arena->base + arena->used;
    arena->used = end;
    if (end > arena->peak)
        arena->peak = end;
    return at;
}

size_t lic_arena_mark(const lic_arena *arena)
{
    return arena->used;
}

void lic_arena_rewind(lic_arena *arena, size_t mark)
{
    arena->used = mark;
}
