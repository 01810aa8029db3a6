/* tile_list.c - see tile_list.h. */
#include "codec/tile_list.h"

#include "codec/base/bytes.h"
#include "codec/base/status.h"

#include <string.h>

enum { MOST_AHEAD = 32 << 20 };

/* Room for all tiles if they are like those so far, so that code is seldom moved: that takes time,
 * and is done while threads wait. Not too much, as the first tile may be unlike the others. */
static size_t room_for(const lic_tile_list *list, size_t need)
{
    const size_t n = list->n + 1, later = list->expected > n ? list->expected - n : 0;
    const size_t each = need / n + need / n / 16;
    const size_t ahead = later == 0 || each < MOST_AHEAD / later ? each * later : MOST_AHEAD;
    return need + (ahead > need / 2 ? ahead : need / 2);
}

static bool reserve(lic_tile_list *list, size_t more)
{
    size_t need;
    if (!lic_add_size(list->bytes.bytes, more, &need))
        return false;
    if (need <= list->capacity)
        return true;
    const size_t capacity = room_for(list, need);
    uint8_t *data =
        lic_realloc(list->bytes.allocator, list->bytes.data, list->bytes.bytes, capacity);
    if (!data)
        return false;
    list->bytes.data = data;
    list->capacity = capacity;
    return true;
}

bool lic_tile_list_append(lic_tile_list *list, const uint8_t *code, size_t bytes, uint32_t check)
{
    uint8_t word[4];
    if (bytes > UINT32_MAX || !reserve(list, bytes + LIC_VARINT_MAX_BYTES + 4))
        return false;
    uint8_t *at = lic_write_varint(list->bytes.data + list->bytes.bytes, (uint32_t)bytes);
    at = lic_write_u32(at, check);
    memcpy(at, code, bytes);
    list->bytes.bytes = (size_t)(at - list->bytes.data) + bytes;
    list->n++;
    lic_write_u32(word, check);
    list->check = lic_crc32(list->check, word, sizeof word);
    return true;
}

bool lic_tile_list_skip(lic_tile_list *list)
{
    if (!reserve(list, 1))
        return false;
    list->bytes.data[list->bytes.bytes++] = 0;
    list->n++;
    return true;
}

bool lic_tile_list_only(lic_tile_list *list, const uint8_t *code, size_t bytes, uint32_t check)
{
    if (!reserve(list, bytes))
        return false;
    memcpy(list->bytes.data, code, bytes);
    list->bytes.bytes = bytes;
    list->check = check;
    return true;
}
