/* test_arena.c - the working memory of sessions: the planned peak is what a real run needs and no
 * less, blocks are aligned and do not overlap, sizes that overflow fail, failure is sticky, nothing
 * leaks. */
#include "codec/base/arena.h"

#include "codec/base/asan.h"
#include "tests/test.h"

/* An allocator that counts and can refuse. */
typedef struct counter {
    int live, calls, refuse;
    size_t last_bytes;
} counter;

static void *count_alloc(void *user, size_t bytes)
{
    counter *c = user;
    c->calls++;
    c->last_bytes = bytes;
    if (c->refuse)
        return NULL;
    c->live++;
    return malloc(bytes);
}

static void count_free(void *user, void *pointer)
{
    ((counter *)user)->live -= pointer != NULL;
    free(pointer);
}

/* ---- planning -------------------------------------------------------------------------------- */

enum { DEPTH = 12 };

/* Takes and rewinds as forward passes do; the same seed gives the same walk. Each block is filled,
 * so that a sanitizer sees one too short, and must still hold what was put there when it is given
 * back. */
typedef struct walk {
    size_t marks[DEPTH], bytes[DEPTH];
    uint8_t *blocks[DEPTH];
    int depth;
} walk;

static void fill(const walk *w, int i)
{
    if (w->blocks[i])
        memset(w->blocks[i], 'a' + i, w->bytes[i]);
}

static void check_filled(const walk *w, int i)
{
    for (size_t k = 0; w->blocks[i] && k < w->bytes[i]; k += w->bytes[i] / 7 + 1)
        CHECK_EQ_INT(w->blocks[i][k], 'a' + i);
}

/* Takes a block, or looks at all of them and gives some back. */
static void step(walk *w, lic_arena *arena)
{
    if (w->depth < DEPTH && test_random_below(5) > 1) {
        const size_t size = 1 + test_random_below(8), count = test_random_below(700);
        w->marks[w->depth] = lic_arena_mark(arena);
        w->bytes[w->depth] = size * count;
        w->blocks[w->depth] = lic_arena_take(arena, count, size);
        CHECK((uintptr_t)w->blocks[w->depth] % LIC_ALIGN == 0);
        fill(w, w->depth++);
    } else if (w->depth > 0) {
        const int to = (int)test_random_below((uint32_t)w->depth);
        for (int i = 0; i < w->depth; i++)
            check_filled(w, i);
        lic_arena_rewind(arena, w->marks[to]);
        w->depth = to;
    }
}

static void walk_along(lic_arena *arena, uint64_t seed)
{
    walk w = {.depth = 0};
    test_random_state = seed;
    for (int i = 0; i < 200; i++)
        step(&w, arena);
}

TEST(arena_plan_is_the_peak_of_the_real_run)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        lic_arena plan, arena = {0};
        lic_arena_plan(&plan);
        walk_along(&plan, seed);
        CHECK(!plan.failed && plan.peak > 0);
        REQUIRE(lic_arena_reserve(&arena, plan.peak, NULL));
        walk_along(&arena, seed);
        CHECK(!arena.failed);
        CHECK_EQ_INT(arena.peak, plan.peak);
        REQUIRE(lic_arena_reserve(&arena, plan.peak, NULL));
        lic_arena_release(&arena);
        REQUIRE(lic_arena_reserve(&arena, plan.peak - 1, NULL)); /* and no byte less */
        walk_along(&arena, seed);
        CHECK(arena.failed);
        lic_arena_release(&arena);
    }
}

TEST(arena_plan_takes_no_memory)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    CHECK(lic_arena_take(&plan, (size_t)1 << 40, 1000) == NULL);
    CHECK(!plan.failed);
    CHECK_EQ_INT(plan.peak, ((size_t)1 << 40) * 1000);
    lic_arena_rewind(&plan, 0);
    CHECK_EQ_INT(plan.used, 0);
    CHECK_EQ_INT(plan.peak, ((size_t)1 << 40) * 1000);
}

TEST(arena_rounds_to_the_alignment)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    for (size_t bytes = 0; bytes < 200; bytes++) {
        const size_t before = lic_arena_mark(&plan);
        lic_arena_take(&plan, bytes, 1);
        CHECK_EQ_INT(lic_arena_mark(&plan) - before,
                     (bytes + LIC_ALIGN - 1) / LIC_ALIGN * LIC_ALIGN);
    }
}

/* ---- failure --------------------------------------------------------------------------------- */

static void check_overflow(size_t count, size_t size)
{
    lic_arena arena;
    lic_arena_plan(&arena);
    lic_arena_take(&arena, 100, 1);
    CHECK(lic_arena_take(&arena, count, size) == NULL);
    CHECK(arena.failed);
}

TEST(arena_sizes_that_overflow_fail)
{
    check_overflow(SIZE_MAX, 2);
    check_overflow(2, SIZE_MAX);
    check_overflow(SIZE_MAX / 4 + 1, 4);
    check_overflow(SIZE_MAX, 1);      /* rounding up */
    check_overflow(SIZE_MAX - 70, 1); /* adding to what is used */
}

TEST(arena_failure_is_sticky)
{
    lic_arena arena = {0};
    REQUIRE(lic_arena_reserve(&arena, 1000, NULL));
    const size_t mark = lic_arena_mark(&arena);
    CHECK(lic_arena_take(&arena, 100, 1) != NULL);
    CHECK(lic_arena_take(&arena, 1000, 1) == NULL);
    CHECK(lic_arena_take(&arena, 1, 1) == NULL);
    lic_arena_rewind(&arena, mark);
    CHECK(lic_arena_take(&arena, 1, 1) == NULL && arena.failed);
    REQUIRE(lic_arena_reserve(&arena, 1000, NULL)); /* the next call starts anew */
    CHECK(!arena.failed && lic_arena_take(&arena, 1, 1) != NULL);
    lic_arena_release(&arena);
}

/* ---- the block ------------------------------------------------------------------------------- */

TEST(arena_keeps_a_block_that_is_large_enough)
{
    counter c = {0};
    const lic_allocator allocator = {count_alloc, count_free, &c};
    lic_arena arena = {0};
    REQUIRE(lic_arena_reserve(&arena, 5000, &allocator));
    void *first = lic_arena_take(&arena, 1, 1);
    REQUIRE(lic_arena_reserve(&arena, 4000, &allocator));
    CHECK(lic_arena_take(&arena, 1, 1) == first);
    CHECK_EQ_INT(c.calls, 1);
    REQUIRE(lic_arena_reserve(&arena, 6000, &allocator));
    CHECK_EQ_INT(c.calls, 2);
    CHECK_EQ_INT(c.live, 1); /* the old block went first: never both at once */
    CHECK(c.last_bytes <= 6000 + LIC_ALIGN);
    lic_arena_release(&arena);
    lic_arena_release(&arena);
    CHECK_EQ_INT(c.live, 0);
}

TEST(arena_without_memory)
{
    counter c = {.refuse = 1};
    const lic_allocator allocator = {count_alloc, count_free, &c};
    lic_arena arena = {0};
    CHECK(!lic_arena_reserve(&arena, 1000, &allocator));
    CHECK(!lic_arena_reserve(&arena, SIZE_MAX - 1, &allocator)); /* with the alignment: too much */
    CHECK_EQ_INT(c.calls, 1);
    CHECK(lic_arena_take(&arena, 1, 1) == NULL);
    c.refuse = 0;
    REQUIRE(lic_arena_reserve(&arena, 1000, &allocator));
    CHECK(lic_arena_take(&arena, 1, 1) != NULL);
    lic_arena_release(&arena);
    CHECK_EQ_INT(c.live, 0);
}

/* ---- sanitizer ------------------------------------------------------------------------------- */

#ifdef LIC_HAS_ASAN

/* What no block has is poisoned: before it is taken, after a rewind, and when the memory serves
 * again. */
TEST(arena_poisons_what_is_not_taken)
{
    lic_arena arena = {0};
    for (int round = 0; round < 2; round++) {
        REQUIRE(lic_arena_reserve(&arena, 4096, NULL));
        CHECK(__asan_address_is_poisoned(arena.base));
        uint8_t *a = lic_arena_take(&arena, 100, 1);
        const size_t mark = lic_arena_mark(&arena);
        uint8_t *b = lic_arena_take(&arena, 1000, 1);
        CHECK(!__asan_region_is_poisoned(a, 100) && !__asan_region_is_poisoned(b, 1000));
        CHECK(__asan_address_is_poisoned(b + 1024));
        lic_arena_rewind(&arena, mark);
        CHECK(!__asan_region_is_poisoned(a, 100) && __asan_address_is_poisoned(b));
        CHECK(__asan_address_is_poisoned(b + 999));
    }
    lic_arena_release(&arena);
}
#endif
