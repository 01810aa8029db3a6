/* The list of coded tiles: the same bytes however much room it makes, and few moves of its memory
 * where it knows how many tiles will come. */
#include "codec/tile_list.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { TILES = 48, BYTES = 3000 };

static void *count(void *user, size_t bytes)
{
    ++*(int *)user;
    return malloc(bytes);
}

static void release(void *user, void *block)
{
    (void)user;
    free(block);
}

/* Tiles of unlike sizes, every fifth without code. Returns how often memory was asked for. */
static int fill(lic_tile_list *list, size_t expected)
{
    int asked = 0;
    const lic_allocator allocator = {count, release, &asked};
    uint8_t code[BYTES];
    *list = (lic_tile_list){.bytes = {.allocator = &allocator}, .expected = expected};
    for (size_t i = 0; i < TILES; i++) {
        memset(code, (int)i, sizeof code);
        if (i % 5 == 4)
            CHECK(lic_tile_list_skip(list));
        else
            CHECK(lic_tile_list_append(list, code, BYTES - 40 * (i % 7), (uint32_t)i));
    }
    return asked;
}

TEST(room_is_made_for_all)
{
    static const size_t expected[] = {TILES, 1, 2 * TILES, SIZE_MAX / 2};
    lic_tile_list plain;
    const int asked = fill(&plain, 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        lic_tile_list list;
        const int now = fill(&list, expected[i]);
        CHECK(now <= asked);
        if (expected[i] == TILES)
            CHECK(now <= 2);
        CHECK_EQ_INT(list.bytes.bytes, plain.bytes.bytes);
        CHECK_EQ_MEM(list.bytes.data, plain.bytes.data, plain.bytes.bytes);
        CHECK_EQ_INT(list.check, plain.check);
        free(list.bytes.data);
    }
    free(plain.bytes.data);
}
