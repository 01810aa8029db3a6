/* output_names.c - the part of inputs.h that names outputs and finds clashes among them. */
#include "cli/batch/inputs.h"

#include "cli/base/folder.h"
#include "cli/base/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_NAME = 4096 };

/* The same name with a new suffix. The old one goes if it belongs to the files that the command
 * reads. */
static size_t stem_bytes(const lic_settings *s, const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    bool has_suffix = dot && dot > (slash ? slash + 1 : name);
    bool goes = has_suffix && (s->command != LIC_COMMAND_DECODE
                                   ? lic_picture_format_of_name(name) != LIC_FORMAT_NONE
                                   : strcasecmp(dot, ".lic") == 0);
    return goes ? (size_t)(dot - name) : strlen(name);
}

int lic_inputs_no_memory(void)
{
    return lic_report_exit(LIC_EXIT_FAILED, NULL, "no memory for the names");
}

/* The result is to be freed; NULL without memory. whole: the input's suffix stays before the new
 * one. */
static char *output_of(const lic_input *item, const lic_settings *s, const char *suffix, bool whole)
{
    const char *name = s->output_folder ? item->name : item->path;
    if (s->test || s->command == LIC_COMMAND_BENCH)
        return strdup("");
    if (s->output || s->to_stdout)
        return strdup(s->output ? s->output : "-");
    if (strcmp(item->path, "-") == 0)
        return strdup("-");
    const size_t stem = whole ? strlen(name) : stem_bytes(s, name);
    const size_t bytes = stem + strlen(suffix) + 1;
    char *text = malloc(bytes);
    if (!text)
        return NULL;
    memcpy(text, name, stem);
    strcpy(text + stem, suffix);
    if (!s->output_folder)
        return text;
    char *path = lic_folder_join(s->output_folder, text);
    free(text);
    return path;
}

/* Names its output, by its whole name or without the suffix. Returns -1, or the exit code with a
 * message printed. */
static int name_output(lic_input *item, const lic_settings *s, const char *suffix, bool whole)
{
    free(item->output);
    item->output = output_of(item, s, suffix, whole);
    if (!item->output)
        return lic_inputs_no_memory();
    if (strlen(item->output) < MAX_NAME)
        return -1;
    return lic_report_exit(LIC_EXIT_USAGE, NULL, "'%.64s...': the output's name is too long",
                           item->output);
}

int lic_inputs_name_outputs(lic_inputs *in, const lic_settings *settings, const char *suffix)
{
    int code = -1;
    for (size_t i = 0; i < in->n && code < 0; i++)
        code = name_output(&in->items[i], settings, suffix, false);
    return code;
}

/* ---- clashes ---- */

/* Compares paths without "./" and doubled slashes. Links are not followed: at worst, the second
 * output finds that the first one exists by then. */
static const char *skip(const char *at)
{
    while ((at[0] == '.' && at[1] == '/') || (at[0] == '/' && at[1] == '/'))
        at += at[0] == '.' ? 2 : 1;
    return at;
}

static int compare_paths(const char *a, const char *b)
{
    a = skip(a);
    b = skip(b);
    while (*a && *a == *b) {
        bool slash = *a == '/';
        a++;
        b++;
        while (slash && (*a == '/' || (a[0] == '.' && a[1] == '/')))
            a += *a == '/' ? 1 : 2;
        while (slash && (*b == '/' || (b[0] == '.' && b[1] == '/')))
            b += *b == '/' ? 1 : 2;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static int by_output(const void *a, const void *b)
{
    const lic_input *const *x = a, *const *y = b;
    return compare_paths((*x)->output, (*y)->output);
}

static int output_is_path(const void *path, const void *item)
{
    return compare_paths(path, (*(const lic_input *const *)item)->output);
}

static bool same_output(const lic_input *a, const lic_input *b)
{
    return compare_paths(a->output, b->output) == 0;
}

static bool has_twins(lic_input *const *sorted, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (same_output(sorted[i - 1], sorted[i]))
            return true;
    return false;
}

/* n inputs with the same output get outputs by their whole names, if that tells them apart. */
static int part(lic_input **twins, size_t n, const lic_settings *s, const char *suffix)
{
    char *output = strdup(twins[0]->output);
    int code = output ? -1 : lic_inputs_no_memory();
    for (size_t i = 0; i < n && code < 0; i++)
        code = name_output(twins[i], s, suffix, true);
    if (code < 0)
        qsort(twins, n, sizeof *twins, by_output);
    const bool parted = code < 0 && !has_twins(twins, n);
    for (size_t i = 0; i < n && code < 0 && !parted; i++)
        code = name_output(twins[i], s, suffix, false);
    if (parted)
        lic_report_note(0, output,
                        "would be the output of %zu inputs: each keeps its suffix before %s", n,
                        suffix);
    free(output);
    return code;
}

/* photo.jpg and photo.png in one folder, for example, become photo.jpg.lic and photo.png.lic. The
 * inputs are sorted by output before and after. */
static int part_twins(const lic_inputs *in, const lic_settings *s, const char *suffix,
                      lic_input **sorted)
{
    int code = -1;
    if (s->output || s->to_stdout || !has_twins(sorted, in->n))
        return -1;
    for (size_t first = 0, end; first < in->n && code < 0; first = end) {
        end = first + 1;
        while (end < in->n && same_output(sorted[first], sorted[end]))
            end++;
        if (end - first > 1)
            code = part(&sorted[first], end - first, s, suffix);
    }
    qsort(sorted, in->n, sizeof *sorted, by_output);
    return code;
}

/* The inputs are sorted by output. */
static bool check_sorted(const lic_inputs *in, lic_input *const *sorted)
{
    for (size_t i = 1; i < in->n; i++)
        if (compare_paths(sorted[i - 1]->output, sorted[i]->output) == 0)
            return lic_report_error(sorted[i]->output, "would be the output of both %s and %s",
                                    sorted[i - 1]->path, sorted[i]->path);
    for (size_t i = 0; i < in->n; i++) {
        const lic_input *const *same =
            bsearch(in->items[i].path, sorted, in->n, sizeof *sorted, output_is_path);
        if (same && *same != &in->items[i]) { /* its own is reported later, with links
                                                 followed */
            return lic_report_error((*same)->output, "is an input, and would be the output of %s",
                                    (*same)->path);
        }
    }
    return true;
}

int lic_inputs_check_outputs(const lic_inputs *in, const lic_settings *settings, const char *suffix)
{
    if (in->n < 2 || !*in->items[0].output) /* --test, bench */
        return -1;
    lic_input **sorted = malloc(in->n * sizeof *sorted);
    if (!sorted)
        return lic_inputs_no_memory();
    for (size_t i = 0; i < in->n; i++)
        sorted[i] = &in->items[i];
    qsort(sorted, in->n, sizeof *sorted, by_output);
    int code = part_twins(in, settings, suffix, sorted);
    if (code < 0 && !check_sorted(in, sorted))
        code = LIC_EXIT_USAGE;
    free(sorted);
    return code;
}
