/* exif.c - the one reader of EXIF: the tag that changes how a picture looks, orientation, and what
 * is no longer right for a part of the picture. EXIF is a TIFF stream of directories whose entries
 * have 12 bytes, sorted by tag (TIFF 6.0, section 2; tags of Exif 2.32). It is hostile: every
 * offset is checked, and nothing grows beyond what came in. */
#include "codec/base/status.h"
#include "codec/metadata.h"

#include <stdbool.h>
#include <string.h>

enum { HEAD_BYTES = 8, COUNT_BYTES = 2, ENTRY_BYTES = 12, NEXT_BYTES = 4 };
enum { TYPE_BYTE = 1, TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_UNDEFINED = 7, N_TYPES = 14 };
enum { TAG_ORIENTATION = 0x0112 };

struct exif {
    const uint8_t *data;
    size_t bytes;
    bool big; /* byte order */
};

struct directory {
    const uint8_t *first; /* entry */
    size_t n;             /* entries, all of them within the bytes */
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

/* False: this is not EXIF, or has offsets beyond 32 bits. */
static bool open_exif(lic_span span, struct exif *e)
{
    if (span.bytes < HEAD_BYTES || span.bytes > UINT32_MAX / 2 ||
        (memcmp(span.data, "II*\0", 4) != 0 && memcmp(span.data, "MM\0*", 4) != 0))
        return false;
    *e = (struct exif){span.data, span.bytes, span.data[0] == 'M'};
    return true;
}

/* Without entries if there is none at this place. */
static struct directory directory_at(const struct exif *e, size_t at)
{
    if (at < HEAD_BYTES || at > e->bytes || e->bytes - at < COUNT_BYTES)
        return (struct directory){0};
    const size_t n = get(e->data + at, COUNT_BYTES, e->big);
    const size_t room = (e->bytes - at - COUNT_BYTES) / ENTRY_BYTES;
    return (struct directory){e->data + at + COUNT_BYTES, n < room ? n : room};
}

static struct directory main_directory(const struct exif *e)
{
    return directory_at(e, get(e->data + 4, 4, e->big));
}

/* ---- orientation ---- */

/* Index of its entry; if there is none, of the first entry whose tag is above it. */
static size_t find_orientation(const struct exif *e, const struct directory *d, bool *found)
{
    size_t above = d->n;
    for (size_t i = d->n; i-- > 0;)
        if (get(d->first + i * ENTRY_BYTES, 2, e->big) > TAG_ORIENTATION)
            above = i;
    for (size_t i = 0; i < d->n; i++) {
        *found = get(d->first + i * ENTRY_BYTES, 2, e->big) == TAG_ORIENTATION;
        if (*found)
            return i;
    }
    *found = false;
    return above;
}

static uint32_t orientation_of(const struct exif *e)
{
    const struct directory d = main_directory(e);
    bool found;
    const size_t i = find_orientation(e, &d, &found);
    if (!found || get(d.first + i * ENTRY_BYTES + 2, 2, e->big) != TYPE_SHORT)
        return 0;
    const uint32_t value = get(d.first + i * ENTRY_BYTES + 8, 2, e->big);
    return value >= 1 && value <= 8 ? value : 0;
}

uint32_t lic_metadata_orientation(lic_span exif)
{
    struct exif e;
    return open_exif(exif, &e) ? orientation_of(&e) : 0;
}

uint32_t lic_exif_orientation(lic_span exif)
{
    const uint32_t orientation = lic_metadata_orientation(exif);
    return orientation ? orientation : 1;
}

static void put_orientation(uint8_t *at, bool big, uint32_t orientation)
{
    memset(at, 0, ENTRY_BYTES);
    put(at, 2, big, TAG_ORIENTATION);
    put(at + 2, 2, big, TYPE_SHORT);
    put(at + 4, 4, big, 1);
    put(at + 8, 2, big, orientation);
}

/* Writes the main directory again at the end of the bytes, with one more entry in its place. */
static void add_orientation(const struct exif *e, const struct directory *d, size_t before,
                            uint32_t orientation, uint8_t *out)
{
    const size_t at = (e->bytes + 1) / 2 * 2; /* directories begin at even offsets */
    uint8_t *to = out + at + COUNT_BYTES;
    put(out + 4, 4, e->big, (uint32_t)at);
    put(out + at, COUNT_BYTES, e->big, (uint32_t)d->n + 1);
    memcpy(to, d->first, before * ENTRY_BYTES);
    to += before * ENTRY_BYTES;
    put_orientation(to, e->big, orientation);
    const size_t behind = (d->n - before) * ENTRY_BYTES;
    const uint8_t *from = d->first + before * ENTRY_BYTES;
    memcpy(to + ENTRY_BYTES, from, behind);
    /* where the next directory is, if anywhere */
    if ((size_t)(e->data + e->bytes - from) >= behind + NEXT_BYTES)
        memcpy(to + ENTRY_BYTES + behind, from + behind, NEXT_BYTES);
}

lic_status lic_exif_turn(lic_span exif, uint32_t orientation, const lic_allocator *allocator,
                         lic_buffer *out)
{
    static const uint8_t one_entry[HEAD_BYTES + COUNT_BYTES + ENTRY_BYTES + NEXT_BYTES] = {
        'I', 'I', '*', 0, HEAD_BYTES, 0, 0, 0, 1, 0, TAG_ORIENTATION & 0xFF, TAG_ORIENTATION >> 8};
    struct exif e;
    bool found;
    *out = (lic_buffer){0};
    if (orientation < 1 || orientation > 8)
        return LIC_ERR_ARGUMENT;
    if (!exif.data)
        exif = (lic_span){one_entry, sizeof one_entry};
    if (!open_exif(exif, &e))
        return LIC_ERR_CORRUPT;
    const struct directory d = main_directory(&e);
    if (!d.first || d.n == UINT16_MAX)
        return LIC_ERR_CORRUPT;
    const size_t at = find_orientation(&e, &d, &found);
    const size_t more =
        found ? 0 : (e.bytes & 1) + COUNT_BYTES + (d.n + 1) * ENTRY_BYTES + NEXT_BYTES;
    uint8_t *data = lic_alloc(allocator, e.bytes + more);
    if (!data)
        return LIC_ERR_MEMORY;
    memcpy(data, e.data, e.bytes);
    memset(data + e.bytes, 0, more);
    if (found)
        put_orientation(data + (d.first - e.data) + at * ENTRY_BYTES, e.big, orientation);
    else
        add_orientation(&e, &d, at, orientation, data);
    *out = (lic_buffer){data, e.bytes + more, allocator};
    return LIC_OK;
}

/* ---- for a part ---- */

/* Bytes of undefined meaning that are longer than this are somebody's preview. */
enum { MOST_OPAQUE = 4096 };

/* The directories that are copied; nothing else that they lead to is. */
enum ifd { IFD_MAIN, IFD_EXIF, IFD_GPS, IFD_INTEROP };

struct copy {
    struct exif from;
    uint32_t width, height;
    uint8_t *to;
    size_t at, room;
    bool done[IFD_INTEROP + 1]; /* there is one of each */
};

/* In 64 bits: there are hostile counts, and machines whose size_t has 32. */
static uint64_t value_bytes(const uint8_t *entry, bool big)
{
    static const uint8_t sizes[N_TYPES] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    const uint32_t type = get(entry + 2, 2, big), count = get(entry + 4, 4, big);
    return type < N_TYPES ? (uint64_t)sizes[type] * count : 0;
}

/* The directory that a tag leads to from this one; IFD_MAIN if it leads to none. */
static enum ifd leads_to(enum ifd ifd, uint32_t tag)
{
    if (ifd == IFD_MAIN)
        return tag == 0x8769 ? IFD_EXIF : tag == 0x8825 ? IFD_GPS : IFD_MAIN;
    return ifd == IFD_EXIF && tag == 0xA005 ? IFD_INTEROP : IFD_MAIN;
}

/* Tags that may hold another picture of the whole, or name places in it. */
static bool is_of_whole(uint32_t tag)
{
    static const uint16_t tags[] = {
        0x0111, 0x0117, 0x0144, 0x0145, /* strips and tiles: offsets, lengths */
        0x014A, 0x8769, 0x8825, 0xA005, /* directories; those that are copied do not come here */
        0x0201, 0x0202,                 /* thumbnail: offset, length */
        0x02BC, 0x8649,                 /* XMP and Photoshop's resources, which have thumbnails */
        0x927C, 0xC634,                 /* makers' notes, which have previews */
        0x9214, 0xA214,                 /* area and place of the subject */
    };
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i] == tag)
            return true;
    return tag >= 0x5012 && tag <= 0x503B; /* a thumbnail in tags, as GDI+ has it */
}

/* The new side, or 0 if the tag is none. */
static uint32_t side_of(const struct copy *c, uint32_t tag)
{
    return tag == 0x0100 || tag == 0xA002 || tag == 0x1001   ? c->width
           : tag == 0x0101 || tag == 0xA003 || tag == 0x1002 ? c->height
                                                             : 0;
}

static bool is_kept(const struct copy *c, enum ifd ifd, const uint8_t *entry)
{
    const bool big = c->from.big;
    const uint32_t tag = get(entry, 2, big), type = get(entry + 2, 2, big);
    const uint64_t bytes = value_bytes(entry, big), at = get(entry + 8, 4, big);
    if (leads_to(ifd, tag) != IFD_MAIN || side_of(c, tag) || tag == TAG_ORIENTATION)
        return true;
    const bool opaque = type == TYPE_BYTE || type == TYPE_UNDEFINED;
    if (is_of_whole(tag) || !bytes || (opaque && bytes > MOST_OPAQUE))
        return false;
    return bytes <= 4 || (at <= c->from.bytes && bytes <= c->from.bytes - at);
}

/* Bytes at the end of the copy, at an even place as TIFF wants it; NULL if there is no room. */
static uint8_t *take(struct copy *c, size_t bytes)
{
    c->at += c->at & 1;
    if (c->at > c->room || bytes > c->room - c->at)
        return NULL;
    c->at += bytes;
    return c->to + c->at - bytes;
}

static bool copy_directory(struct copy *c, enum ifd ifd, size_t from, uint32_t *at);

static bool copy_entry(struct copy *c, enum ifd ifd, const uint8_t *from, uint8_t *to)
{
    const bool big = c->from.big;
    const uint32_t tag = get(from, 2, big), orientation = orientation_of(&c->from);
    const enum ifd next = leads_to(ifd, tag);
    const size_t bytes = (size_t)value_bytes(from, big); /* is_kept: all of them are there */
    uint32_t value = side_of(c, tag);
    memcpy(to, from, ENTRY_BYTES);
    if (tag == TAG_ORIENTATION) { /* whatever else of the entry is wrong */
        put_orientation(to, big, orientation ? orientation : 1);
        return true;
    }
    if (value) {
        put(to + 2, 2, big, TYPE_LONG);
        put(to + 4, 4, big, 1);
    } else if (next != IFD_MAIN) {
        if (!copy_directory(c, next, get(from + 8, 4, big), &value))
            return false;
    } else if (bytes > 4) {
        uint8_t *data = take(c, bytes);
        if (!data)
            return false;
        memcpy(data, c->from.data + get(from + 8, 4, big), bytes);
        value = (uint32_t)(data - c->to);
    } else {
        return true;
    }
    put(to + 8, 4, big, value);
    return true;
}

static bool copy_directory(struct copy *c, enum ifd ifd, size_t from, uint32_t *at)
{
    const struct directory d = directory_at(&c->from, from);
    size_t kept = 0;
    if (c->done[ifd])
        return false;
    c->done[ifd] = true;
    for (size_t i = 0; i < d.n; i++)
        kept += is_kept(c, ifd, d.first + i * ENTRY_BYTES);
    uint8_t *to = take(c, COUNT_BYTES + kept * ENTRY_BYTES + NEXT_BYTES);
    if (!to)
        return false;
    *at = (uint32_t)(to - c->to);
    put(to, COUNT_BYTES, c->from.big, (uint32_t)kept);
    to += COUNT_BYTES;
    for (size_t i = 0; i < d.n; i++) {
        const uint8_t *entry = d.first + i * ENTRY_BYTES;
        if (!is_kept(c, ifd, entry))
            continue;
        if (!copy_entry(c, ifd, entry, to))
            return false;
        to += ENTRY_BYTES;
    }
    return true; /* the next directory, that of the thumbnail, is zero: there is none */
}

lic_status lic_exif_fit(lic_span exif, uint32_t width, uint32_t height,
                        const lic_allocator *allocator, lic_buffer *out)
{
    struct copy c = {.width = width, .height = height, .at = HEAD_BYTES};
    uint32_t at;
    *out = (lic_buffer){0};
    if (!width || !height)
        return LIC_ERR_ARGUMENT;
    if (!open_exif(exif, &c.from))
        return LIC_ERR_CORRUPT;
    /* Directories may be empty, and values may begin at odd places. */
    c.room = exif.bytes + exif.bytes / ENTRY_BYTES + 64;
    c.to = lic_alloc(allocator, c.room);
    if (!c.to)
        return LIC_ERR_MEMORY;
    memset(c.to, 0, c.room);
    memcpy(c.to, exif.data, 4);
    if (!copy_directory(&c, IFD_MAIN, get(exif.data + 4, 4, c.from.big), &at)) {
        lic_dealloc(allocator, c.to); /* values overlap or directories repeat: much of little */
        return LIC_ERR_CORRUPT;
    }
    put(c.to + 4, 4, c.from.big, at);
    *out = (lic_buffer){c.to, c.at, allocator};
    return LIC_OK;
}
