/* exif.c - see exif.h. Folders (IFD) of TIFF 6.0, section 2; tags of Exif 2.32. */
#include "cli/picture/exif.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 8, ENTRY_BYTES = 12, COUNT_BYTES = 2, NEXT_BYTES = 4 };
enum { TYPE_BYTE = 1, TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_UNDEFINED = 7, N_TYPES = 14 };
enum { TAG_ORIENTATION = 0x0112 };
/* Bytes of undefined meaning that are longer than this are somebody's preview. */
enum { MOST_OPAQUE = 4096 };

/* The folders that are copied; nothing else that they lead to is. */
enum folder { FOLDER_MAIN, FOLDER_EXIF, FOLDER_GPS, FOLDER_INTEROP };

static uint32_t get(const uint8_t *at, int n, bool big)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++)
        v |= (uint32_t)at[i] << 8 * (big ? n - 1 - i : i);
    return v;
}

static void put(uint8_t *at, int n, uint32_t value, bool big)
{
    for (int i = 0; i < n; i++)
        at[i] = (uint8_t)(value >> 8 * (big ? n - 1 - i : i));
}

static bool is_exif(const uint8_t *exif, size_t bytes)
{
    return bytes >= HEAD_BYTES && (!memcmp(exif, "II*\0", 4) || !memcmp(exif, "MM\0*", 4));
}

/* Entries of the folder at `at` that lie in the bytes; 0 if it is none. */
static size_t entries_at(const uint8_t *exif, size_t bytes, size_t at, bool big)
{
    if (at > bytes || bytes - at < COUNT_BYTES)
        return 0;
    const size_t n = get(exif + at, COUNT_BYTES, big);
    const size_t room = (bytes - at - COUNT_BYTES) / ENTRY_BYTES;
    return n < room ? n : room;
}

int lic_exif_orientation(const uint8_t *exif, size_t bytes)
{
    if (!is_exif(exif, bytes))
        return 1;
    const bool big = exif[0] == 'M';
    const size_t folder = get(exif + 4, 4, big), n = entries_at(exif, bytes, folder, big);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = exif + folder + COUNT_BYTES + i * ENTRY_BYTES;
        if (get(entry, 2, big) != TAG_ORIENTATION)
            continue;
        const uint32_t value = get(entry + 8, 2, big);
        return get(entry + 2, 2, big) == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

void lic_exif_of_orientation(int orientation, uint8_t out[LIC_EXIF_ORIENTATION_BYTES])
{
    static const uint8_t exif[LIC_EXIF_ORIENTATION_BYTES] = {'I', 'I', '*',  0, HEAD_BYTES, 0, 0, 0,
                                                             1,   0,   0x12, 1, TYPE_SHORT, 0, 1};
    memcpy(out, exif, sizeof exif);
    out[HEAD_BYTES + COUNT_BYTES + 8] = (uint8_t)orientation;
}

/* ---- for a part ---- */

struct copy {
    const uint8_t *from;
    size_t bytes;
    bool big;
    uint32_t width, height;
    uint8_t *to;
    size_t at, room;
    bool done[FOLDER_INTEROP + 1]; /* there is one of each */
};

static size_t value_bytes(const uint8_t *entry, bool big)
{
    static const uint8_t sizes[N_TYPES] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    const uint32_t type = get(entry + 2, 2, big), count = get(entry + 4, 4, big);
    return type < N_TYPES ? (size_t)sizes[type] * count : 0;
}

/* The folder that a tag leads to from this one; FOLDER_MAIN if it leads to none. */
static enum folder leads_to(enum folder folder, uint32_t tag)
{
    if (folder == FOLDER_MAIN)
        return tag == 0x8769 ? FOLDER_EXIF : tag == 0x8825 ? FOLDER_GPS : FOLDER_MAIN;
    return folder == FOLDER_EXIF && tag == 0xA005 ? FOLDER_INTEROP : FOLDER_MAIN;
}

/* Tags that may hold another picture of the whole, or name places in it. */
static bool is_of_whole(uint32_t tag)
{
    static const uint16_t tags[] = {
        0x0111, 0x0117, 0x0144, 0x0145, /* strips and tiles: offsets, lengths */
        0x014A, 0x8769, 0x8825, 0xA005, /* folders; those that are copied do not come here */
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

static bool is_kept(const struct copy *c, enum folder folder, const uint8_t *entry)
{
    const uint32_t tag = get(entry, 2, c->big), type = get(entry + 2, 2, c->big);
    const size_t bytes = value_bytes(entry, c->big), at = get(entry + 8, 4, c->big);
    if (leads_to(folder, tag) != FOLDER_MAIN || side_of(c, tag) || tag == TAG_ORIENTATION)
        return true;
    const bool opaque = type == TYPE_BYTE || type == TYPE_UNDEFINED;
    if (is_of_whole(tag) || !bytes || (opaque && bytes > MOST_OPAQUE))
        return false;
    return bytes <= 4 || (at <= c->bytes && bytes <= c->bytes - at);
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

static bool copy_folder(struct copy *c, enum folder folder, size_t from, uint32_t *at);

static bool copy_entry(struct copy *c, enum folder folder, const uint8_t *from, uint8_t *to)
{
    const uint32_t tag = get(from, 2, c->big);
    const enum folder next = leads_to(folder, tag);
    const size_t bytes = value_bytes(from, c->big);
    uint32_t value = side_of(c, tag);
    memcpy(to, from, ENTRY_BYTES);
    if (tag == TAG_ORIENTATION) { /* whatever else of the entry is wrong */
        put(to + 2, 2, TYPE_SHORT, c->big);
        put(to + 4, 4, 1, c->big);
        put(to + 8, 2, (uint32_t)lic_exif_orientation(c->from, c->bytes), c->big);
        put(to + 10, 2, 0, c->big);
        return true;
    }
    if (value) {
        put(to + 2, 2, TYPE_LONG, c->big);
        put(to + 4, 4, 1, c->big);
    } else if (next != FOLDER_MAIN) {
        if (!copy_folder(c, next, get(from + 8, 4, c->big), &value))
            return false;
    } else if (bytes > 4) {
        uint8_t *data = take(c, bytes);
        if (!data)
            return false;
        memcpy(data, c->from + get(from + 8, 4, c->big), bytes);
        value = (uint32_t)(data - c->to);
    } else {
        return true;
    }
    put(to + 8, 4, value, c->big);
    return true;
}

static bool copy_folder(struct copy *c, enum folder folder, size_t from, uint32_t *at)
{
    const size_t n = entries_at(c->from, c->bytes, from, c->big);
    const uint8_t *entry = c->from + (n ? from + COUNT_BYTES : 0);
    size_t kept = 0;
    if (c->done[folder])
        return false;
    c->done[folder] = true;
    for (size_t i = 0; i < n; i++)
        kept += is_kept(c, folder, entry + i * ENTRY_BYTES);
    uint8_t *to = take(c, COUNT_BYTES + kept * ENTRY_BYTES + NEXT_BYTES);
    if (!to)
        return false;
    *at = (uint32_t)(to - c->to);
    put(to, COUNT_BYTES, (uint32_t)kept, c->big);
    to += COUNT_BYTES;
    for (size_t i = 0; i < n; i++, entry += ENTRY_BYTES) {
        if (!is_kept(c, folder, entry))
            continue;
        if (!copy_entry(c, folder, entry, to))
            return false;
        to += ENTRY_BYTES;
    }
    return true; /* the next folder, that of the thumbnail, is zero: there is none */
}

lic_blob lic_exif_of_part(const uint8_t *exif, size_t bytes, uint32_t width, uint32_t height,
                          bool *valid)
{
    /* Folders may be empty, and values may begin at odd places. */
    struct copy c = {.from = exif, .bytes = bytes, .width = width, .height = height};
    uint32_t at;
    *valid = is_exif(exif, bytes);
    if (!*valid)
        return (lic_blob){0};
    c.big = exif[0] == 'M';
    c.room = bytes + bytes / ENTRY_BYTES + 64;
    c.to = calloc(1, c.room + 1);
    if (!c.to)
        return (lic_blob){0};
    memcpy(c.to, exif, 4);
    c.at = HEAD_BYTES;
    *valid = copy_folder(&c, FOLDER_MAIN, get(exif + 4, 4, c.big), &at);
    if (!*valid) { /* values overlap or folders repeat, which makes much of little */
        free(c.to);
        return (lic_blob){0};
    }
    put(c.to + 4, 4, at, c.big);
    return (lic_blob){c.to, c.at};
}
