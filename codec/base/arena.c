/* arena.c - see arena.h. The only place where a session gets its working memory. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* MADV_POPULATE_WRITE */
#endif
#include "codec/base/arena.h"

#include "codec/base/asan.h"
#include "codec/base/bytes.h"
#include "codec/base/huge.h"
#include "codec/base/status.h"

#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

/* Large blocks lie on huge pages where the system has them (huge.h). That saves thousands of page faults, a
 * tenth of the time of a small picture. What is left over gets its pages in one call, as all of it
 * will be used: a fault for each costs more than the page, above all in virtual machines. */
enum { PAGE = 4096 };

static size_t alignment(size_t bytes)
{
    return bytes >= LIC_HUGE_BLOCK ? LIC_HUGE_PAGE : LIC_ALIGN;
}

/* Hints, which may fail. lic_alloc has asked for the huge pages of memory from malloc. */
static void advise(uint8_t *base, size_t bytes, const lic_allocator *allocator)
{
    const size_t huge = lic_huge_reach(base, bytes);
    if (allocator)
        lic_huge_pages(base, bytes);
#if defined(MADV_POPULATE_WRITE)
    uint8_t *const rest = base + huge + (PAGE - (uintptr_t)base % PAGE) % PAGE;
    if (bytes - huge >= 2 * PAGE)
        (void)madvise(rest, (size_t)(base + bytes - rest) / PAGE * PAGE, MADV_POPULATE_WRITE);
#else
    (void)huge;
#endif
}

void lic_arena_plan(lic_arena *arena)
{
    memset(arena, 0, sizeof *arena);
    arena->planning = true;
}

size_t lic_arena_whole(size_t bytes)
{
    size_t padded;
    return lic_add_size(bytes, alignment(bytes), &padded) ? padded : SIZE_MAX;
}

bool lic_arena_reserve(lic_arena *arena, size_t bytes, const lic_allocator *allocator)
{
    arena->used = arena->peak = 0;
    arena->failed = false;
    if (arena->block && arena->bytes >= bytes) {
        ASAN_POISON_MEMORY_REGION(arena->base, arena->bytes);
        return true;
    }
    lic_arena_release(arena);
    const size_t align = alignment(bytes), padded = lic_arena_whole(bytes);
    arena->block = padded < SIZE_MAX ? lic_alloc(allocator, padded) : NULL;
    if (!arena->block)
        return false;
    arena->base = arena->block + (align - (uintptr_t)arena->block % align) % align;
    advise(arena->base, bytes, allocator);
    arena->bytes = bytes;
    arena->allocator = allocator;
    ASAN_POISON_MEMORY_REGION(arena->base, arena->bytes);
    return true;
}

void lic_arena_release(lic_arena *arena)
{
    if (arena->block) {
        ASAN_UNPOISON_MEMORY_REGION(arena->base, arena->bytes);
        lic_dealloc(arena->allocator, arena->block);
    }
    memset(arena, 0, sizeof *arena);
}

void *lic_arena_take(lic_arena *arena, size_t count, size_t size)
{
    size_t need, end;
    if (arena->failed || !lic_mul_size(count, size, &need) ||
        !lic_add_size(need, LIC_ALIGN - 1, &need)) {
        arena->failed = true;
        return NULL;
    }
    need -= need % LIC_ALIGN;
    if (!lic_add_size(arena->used, need, &end) || (!arena->planning && end > arena->bytes)) {
        arena->failed = true;
        return NULL;
    }
    uint8_t *at = arena->planning ? NULL : arena->base + arena->used;
    if (at)
        ASAN_UNPOISON_MEMORY_REGION(at, need);
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
    if (!arena->planning && mark < arena->used)
        ASAN_POISON_MEMORY_REGION(arena->base + mark, arena->used - mark);
    arena->used = mark;
}
