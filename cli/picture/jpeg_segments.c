/* jpeg_segments.c - see jpeg_segments.h. */
#include "cli/picture/jpeg_segments.h"

#include <string.h>

enum { SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, RST0 = 0xD0, TEM = 0x01, APP = 0xE0, COM = 0xFE };
enum { HEAD_BYTES = 32 };

/* The next marker, junk before it skipped as libjpeg does; -1 at the end. */
static int next_marker(lic_source *source)
{
    int c = lic_source_get(source);
    for (;;) {
        while (c >= 0 && c != 0xFF)
            c = lic_source_get(source);
        while (c == 0xFF)
            c = lic_source_get(source);
        if (c != 0)
            return c;
    }
}

static bool begins(const uint8_t *head, size_t bytes, const char *word, size_t n)
{
    return bytes >= n && memcmp(head, word, n) == 0;
}

static void look_at(lic_jpeg_segments *s, int marker, const uint8_t *head, size_t n, size_t bytes)
{
    static const char mpf[] = "MPF", gain_map[] = "urn:iso:std:iso:ts:21496:-1", claims[] = "JP";
    const bool kept = marker == APP + 1 || marker == APP + 2 || marker == APP + 13 || marker == COM;
    s->n_meta += kept;
    s->meta_bytes += kept ? bytes : 0;
    if (marker == APP + 2) {
        s->has_pictures = s->has_pictures || begins(head, n, mpf, sizeof mpf);
        s->has_gain_map = s->has_gain_map || begins(head, n, gain_map, sizeof gain_map);
    }
    if (marker == APP + 11)
        s->has_claims = s->has_claims || begins(head, n, claims, sizeof claims - 1);
}

lic_jpeg_segments lic_jpeg_list_segments(lic_source *source)
{
    lic_jpeg_segments s = {0};
    source->at = 0;
    for (int marker; (marker = next_marker(source)) >= 0 && marker != SOS && marker != EOI;) {
        uint8_t head[HEAD_BYTES];
        if (marker == SOI || marker == TEM || (marker >= RST0 && marker < SOI))
            continue;
        const int high = lic_source_get(source), low = lic_source_get(source);
        const size_t length = high < 0 || low < 0 ? 0 : (size_t)high << 8 | (size_t)low;
        if (length < 2)
            break;
        const uint64_t begin = source->at;
        const size_t bytes = length - 2, n = bytes < sizeof head ? bytes : sizeof head;
        if (lic_source_read(source, head, n) != n)
            break;
        look_at(&s, marker, head, n, bytes);
        source->at = begin + bytes;
    }
    source->at = 0;
    return s;
}
