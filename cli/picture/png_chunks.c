/* png_chunks.c - the list of a PNG's chunks, looked through before libpng sees it. */
#include "cli/base/report.h"
#include "cli/picture/format.h"
#include "cli/picture/png_reader.h"

#include <string.h>
#include <zlib.h>

enum { SIGNATURE_BYTES = 8, NAME_BYTES = 4, EXTRA_BYTES = 12, PHYS_BYTES = 9 };

/* Names of chunks that are left out, for a note. */
struct left_out {
    char names[64];
};

static bool is(const uint8_t *name, const char *wanted)
{
    return memcmp(name, wanted, NAME_BYTES) == 0;
}

/* The data of a short chunk, which follows its name; false if its checksum is wrong. */
static bool read_small(lic_png_reader *r, const uint8_t *name, uint8_t *data, size_t bytes)
{
    uint8_t sum[4];
    if (lic_source_read(r->source, data, bytes) != bytes || lic_source_read(r->source, sum, 4) != 4)
        return false;
    const uLong crc = crc32(crc32(0, name, NAME_BYTES), data, (uInt)bytes);
    return png_get_uint_32(sum) == (png_uint_32)crc;
}

/* After the pixels these chunks have no meaning. */
static void look_at(lic_png_reader *r, const uint8_t *name, size_t bytes)
{
    uint8_t data[LIC_COLOUR_MAX_PART];
    const bool colour = lic_colour_knows((const char *)name);
    if (!colour && !is(name, "pHYs") && !is(name, "acTL"))
        return;
    bool ok = bytes <= sizeof data && read_small(r, name, data, bytes);
    if (ok && is(name, "acTL"))
        ok = bytes == 8;
    else if (ok && is(name, "pHYs"))
        ok = bytes == PHYS_BYTES && data[8] <= 1;
    else if (ok)
        ok = lic_colour_add(&r->colour, (const char *)name, data, bytes);
    if (!ok)
        lic_picture_warn(r->guard.picture, "PNG: %.4s is damaged and left out", (const char *)name);
    else if (is(name, "pHYs"))
        lic_png_keep(r, LIC_META_RESOLUTION, data, bytes);
    else if (is(name, "acTL") && png_get_uint_32(data) > 1)
        lic_picture_warn(r->guard.picture,
                         "is an animated PNG of %u pictures: the first one alone is taken",
                         (unsigned)png_get_uint_32(data));
}

/* Counts chunks that are not used: sBIT, tIME, bKGD, and those that only one program knows. */
static void note_name(struct left_out *list, const uint8_t *name)
{
    static const char known[] = "IHDR PLTE tRNS IDAT IEND iCCP eXIf pHYs tEXt zTXt iTXt acTL fcTL "
                                "fdAT";
    char text[NAME_BYTES + 2] = " ";
    memcpy(text + 1, name, NAME_BYTES);
    const size_t used = strlen(list->names);
    if (lic_colour_knows(text + 1) || strstr(known, text + 1) || strstr(list->names, text) ||
        used + sizeof text > sizeof list->names)
        return;
    for (int i = 1; i <= NAME_BYTES; i++)
        if (!((text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z')))
            return; /* libpng will say so */
    strcpy(list->names + used, text);
}

/* One chunk, whose head is read. */
static void take(lic_png_reader *r, struct left_out *list, const uint8_t *name, size_t length,
                 bool before_pixels)
{
    if (before_pixels)
        look_at(r, name, length);
    note_name(list, name);
    const bool packed = is(name, "zTXt") || is(name, "iTXt");
    r->packed_texts += packed;
    r->texts += packed || is(name, "tEXt");
}

void lic_png_list_chunks(lic_png_reader *r)
{
    lic_source *source = r->source;
    struct left_out list = {""};
    bool before_pixels = true, complete = false;
    uint8_t head[SIGNATURE_BYTES];
    for (uint64_t at = SIGNATURE_BYTES; source->bytes >= at + EXTRA_BYTES && !complete;) {
        source->at = at;
        if (lic_source_read(source, head, sizeof head) != sizeof head)
            break;
        const uint64_t length = png_get_uint_32(head);
        before_pixels = before_pixels && !is(head + 4, "IDAT");
        if (length > source->bytes - at - EXTRA_BYTES)
            break;
        complete = is(head + 4, "IEND");
        take(r, &list, head + 4, (size_t)length, before_pixels);
        at += length + EXTRA_BYTES;
    }
    if (!complete && (!r->options->salvage || before_pixels))
        png_error(r->png, "the file ends too early");
    if (list.names[0])
        lic_picture_note(r->guard.picture, "PNG: left out are the chunks%s", list.names);
    source->at = 0;
}
