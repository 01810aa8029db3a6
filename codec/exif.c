/* exif.c - the one tag of EXIF that changes how a picture looks: orientation. EXIF is a TIFF stream
 * whose first directory has entries of 12 bytes, sorted by tag (TIFF 6.0, section 2). It is
 * hostile: every offset is checked. */
#include "codec/base/status.h"
#include "codec/metadata.h"

#include <stdbool.h>
#include <string.h>

enum { HEAD_BYTES = 8, ENTRY_BYTES = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

struct directory {
    bool big;     /* byte order */
    size_t first; /* where its first entry is */
    size_t n;     /* entries, all of them within the bytes */
};

static uint32_t get(const uint8_t *at, int n, bool big)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v |= (uint32_t)at[i] << 8 * (big ? n - 1 - i : i);
    return v;
}

static void put(uint8_t *at, int n, bool big, uint32_t v)
{
    for (int i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));
}

/* False: this is not EXIF. */
static bool find_directory(lic_span exif, struct directory *d)
{
    if (exif.bytes < HEAD_BYTES ||
        (memcmp(exif.data, "II*\0", 4) != 0 && memcmp(exif.data, "MM\0*", 4) != 0))
        return false;
    d->big = exif.data[0] == 'M';
    const size_t at = get(exif.data + 4, 4, d->big);
    if (at < HEAD_BYTES || at > exif.bytes || exif.bytes - at < 2)
        return false;
    d->first = at + 2;
    d->n = get(exif.data + at, 2, d->big);
    return d->n <= (exif.bytes - d->first) / ENTRY_BYTES;
}

/* Index of the first entry whose tag is not below orientation's. */
static size_t find_entry(lic_span exif, const struct directory *d, bool *found)
{
    size_t i = 0;
    uint32_t tag = 0;
    while (i < d->n) {
        tag = get(exif.data + d->first + i * ENTRY_BYTES, 2, d->big);
        if (tag == TAG_ORIENTATION)
            break;
        i++;
    }
    *found = i < d->n;
    if (*found)
        return i;
    for (i = 0; i < d->n; i++)
        if (get(exif.data + d->first + i * ENTRY_BYTES, 2, d->big) > TAG_ORIENTATION)
            break;
    return i;
}

uint32_t lic_metadata_orientation(lic_span exif)
{
    struct directory d;
    bool found;
    if (!find_directory(exif, &d))
        return 0;
    const uint8_t *entry = exif.data + d.first + find_entry(exif, &d, &found) * ENTRY_BYTES;
    if (!found || get(entry + 2, 2, d.big) != TYPE_SHORT)
        return 0;
    const uint32_t value = get(entry + 8, 2, d.big);
    return value >= 1 && value <= 8 ? value : 0;
}

static void put_entry(uint8_t *at, bool big, uint32_t orientation)
{
    memset(at, 0, ENTRY_BYTES);
    put(at, 2, big, TAG_ORIENTATION);
    put(at + 2, 2, big, TYPE_SHORT);
    put(at + 4, 4, big, 1);
    put(at + 8, 2, big, orientation);
}

/* Writes the directory again at the end of the bytes, with one more entry in its place. */
static void add_entry(lic_span exif, const struct directory *d, size_t before, uint32_t orientation,
                      uint8_t *out)
{
    const size_t at = (exif.bytes + 1) / 2 * 2; /* directories begin at even offsets */
    uint8_t *to = out + at + 2;
    put(out + 4, 4, d->big, (uint32_t)at);
    put(out + at, 2, d->big, (uint32_t)d->n + 1);
    memcpy(to, exif.data + d->first, before * ENTRY_BYTES);
    to += before * ENTRY_BYTES;
    put_entry(to, d->big, orientation);
    const size_t behind = (d->n - before) * ENTRY_BYTES;
    const uint8_t *from = exif.data + d->first + before * ENTRY_BYTES;
    memcpy(to + ENTRY_BYTES, from, behind);
    /* where the next directory is, if anywhere */
    if ((size_t)(exif.data + exif.bytes - from) >= behind + 4)
        memcpy(to + ENTRY_BYTES + behind, from + behind, 4);
}

lic_status lic_metadata_turn(lic_span exif, uint32_t orientation, const lic_allocator *allocator,
                             lic_buffer *out)
{
    static const uint8_t one_entry[HEAD_BYTES + 2 + ENTRY_BYTES + 4] = {
        'I', 'I', '*', 0, HEAD_BYTES, 0, 0, 0, 1, 0, TAG_ORIENTATION & 0xFF, TAG_ORIENTATION >> 8};
    struct directory d;
    bool found;
    if (!exif.data)
        exif = (lic_span){one_entry, sizeof one_entry};
    if (exif.bytes > UINT32_MAX / 2 || !find_directory(exif, &d) || d.n == UINT16_MAX)
        return LIC_ERR_CORRUPT;
    const size_t at = find_entry(exif, &d, &found);
    const size_t more = found ? 0 : 1 + 2 + (d.n + 1) * ENTRY_BYTES + 4;
    uint8_t *data = lic_alloc(allocator, exif.bytes + more);
    if (!data)
        return LIC_ERR_MEMORY;
    memcpy(data, exif.data, exif.bytes);
    memset(data + exif.bytes, 0, more);
    if (found)
        put_entry(data + d.first + at * ENTRY_BYTES, d.big, orientation);
    else
        add_entry(exif, &d, at, orientation, data);
    *out = (lic_buffer){data, exif.bytes + more - (!found && exif.bytes % 2 == 0), allocator};
    return LIC_OK;
}
