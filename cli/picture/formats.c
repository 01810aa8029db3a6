/* formats.c - the table of picture formats, and what kind of file something is. */
#include "cli/base/files.h"
#include "cli/picture/format.h"

#include <string.h>
#include <strings.h>

#define FORMAT_ROW(NAME, name, title, suffix, more, max_depth)                                     \
    [LIC_FORMAT_##NAME] = {title,                                                                  \
                           suffix,                                                                 \
                           " " suffix " " more " ",                                                \
                           max_depth,                                                              \
                           &lic_##name##_reader_format,                                            \
                           &lic_##name##_writer},
const lic_format lic_formats[] = {LIC_FORMATS(FORMAT_ROW, FORMAT_ROW)};

enum { N_FORMATS = sizeof lic_formats / sizeof *lic_formats };

/* Kinds of files that are known by name only. */
static const struct {
    const char *name;
    size_t at, bytes;
    const char *magic;
} others[] = {
    {"GIF", 0, 4, "GIF8"},         {"WebP", 8, 4, "WEBP"},     {"TIFF", 0, 4, "II*\0"},
    {"TIFF", 0, 4, "MM\0*"},       {"AVIF", 4, 8, "ftypavif"}, {"HEIC", 4, 7, "ftyphei"},
    {"JPEG XL", 0, 2, "\xff\x0a"}, {"JPEG XL", 4, 4, "JXL "},  {"JPEG 2000", 4, 4, "jP  "},
    {"BMP", 0, 2, "BM"},           {"PDF", 0, 4, "%PDF"},      {"PAM", 0, 3, "P7\n"},
};

const char *lic_picture_name_of_content(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (bytes >= others[i].at + others[i].bytes &&
            memcmp(data + others[i].at, others[i].magic, others[i].bytes) == 0)
            return others[i].name;
    return NULL;
}

lic_picture_format lic_picture_sniff(const uint8_t *data, size_t bytes)
{
    int format = LIC_FORMAT_NONE + 1;
    while (format < N_FORMATS && !lic_formats[format].reader->is(data, bytes))
        format++;
    return format < N_FORMATS ? (lic_picture_format)format : LIC_FORMAT_NONE;
}

/* `suffixes` begins and ends with a blank, and so does each of its words. */
lic_picture_format lic_picture_format_of_suffix(const char *suffix)
{
    const size_t n = strlen(suffix);
    for (int i = LIC_FORMAT_NONE + 1; i < N_FORMATS; i++)
        for (const char *at = lic_formats[i].suffixes + 1; *at; at += strcspn(at, " ") + 1)
            if (n && strcspn(at, " ") == n && strncasecmp(at, suffix, n) == 0)
                return (lic_picture_format)i;
    return LIC_FORMAT_NONE;
}

lic_picture_format lic_picture_format_of_name(const char *path)
{
    const char *name = lic_file_base_name(path), *dot = strrchr(name, '.');
    return dot && dot > name ? lic_picture_format_of_suffix(dot + 1) : LIC_FORMAT_NONE;
}
