/* formats.c - the table of picture formats, what kind of file something is, and how a step of a
 * format runs and fails. */
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/picture/format.h"

#include <stdarg.h>
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

/* ---- steps ---- */

lic_status lic_format_run(lic_format_state *state, lic_format_step step, lic_error *err)
{
    if (state->status != LIC_OK)
        return lic_report_fail(err, state->status, "%s: failed before", state->doing);
    state->err = err;
    if (step && setjmp(state->jump) == 0) {
        step(state);
        if (state->no_memory)
            lic_format_library_failed(state, "");
    }
    /* Libraries take it for the end of the file, which is not always an error to them. */
    if (state->source && state->source->error)
        state->status = lic_source_status(state->source, err);
    return state->status;
}

_Noreturn void lic_format_stop(lic_format_state *state, lic_status status)
{
    state->status = status;
    longjmp(state->jump, 1);
}

void lic_format_check(lic_format_state *state, lic_status status)
{
    if (status != LIC_OK)
        lic_format_stop(state, status);
}

_Noreturn void lic_format_fail(lic_format_state *state, lic_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    state->err->status = status;
    vsnprintf(state->err->text, sizeof state->err->text, format, args);
    va_end(args);
    lic_format_stop(state, status);
}

_Noreturn void lic_format_library_failed(lic_format_state *state, const char *text)
{
    if (state->no_memory)
        lic_format_fail(state, LIC_ERR_MEMORY, "not enough memory");
    lic_format_fail(state, state->on_error, "%s: %s", state->doing, text);
}
