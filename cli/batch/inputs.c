/* inputs.c - see inputs.h. Decides which of two names is the output. A picture must never be taken
 * for an output, or "lic encode *.png" would eat the second of two pictures. */
#include "cli/batch/inputs.h"

#include "cli/base/files.h"
#include "cli/base/folder.h"
#include "cli/base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static bool is_encode(const lic_settings *s)
{
    return s->command != LIC_COMMAND_DECODE; /* bench as well */
}

static int usage(const char *text, const char *word)
{
    return lic_report_exit(LIC_EXIT_USAGE, NULL, "%s%s%s%s", word ? "'" : "", word ? word : "",
                           word ? "': " : "", text);
}

/* ---- names and contents ---- */

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcasecmp(name + n - m, suffix) == 0;
}

static bool has_input_suffix(const lic_settings *s, const char *name)
{
    return is_encode(s) ? lic_picture_format_of_name(name) != LIC_FORMAT_NONE
                        : ends_in(name, ".lic");
}

static bool has_output_suffix(const lic_settings *s, const char *name)
{
    return is_encode(s) ? ends_in(name, ".lic")
                        : lic_picture_format_of_name(name) != LIC_FORMAT_NONE;
}

/* Whether the command can read this file, whatever its name. Pipes and devices are not looked
 * into. */
static bool has_input_content(const lic_settings *s, const char *path)
{
    uint8_t head[16];
    struct stat st;
    lic_info info;
    int fd = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    ssize_t got = read(fd, head, sizeof head);
    close(fd);
    if (got <= 0)
        return false;
    return is_encode(s) ? lic_picture_sniff(head, (size_t)got) != LIC_FORMAT_NONE
                        : lic_probe(head, (size_t)got, &info, NULL) != LIC_ERR_NOT_LIC;
}

/* ---- the list ---- */

static bool add(lic_inputs *in, const char *path, const char *name)
{
    if ((in->n & (in->n - 1)) == 0) { /* full at each power of two */
        lic_input *grown = realloc(in->items, (in->n ? 2 * in->n : 1) * sizeof *grown);
        if (!grown)
            return false;
        in->items = grown;
    }
    char *copy = strdup(path);
    if (copy)
        in->items[in->n++] = (lic_input){.path = copy, .name = copy + (name - path)};
    return copy != NULL;
}

struct gathering {
    lic_inputs *in;
    const lic_settings *settings;
    size_t n_others; /* files whose names promise something else */
};

static lic_status visit(void *user, const char *path, const char *name, lic_error *err)
{
    struct gathering *g = user;
    const bool wanted = has_input_suffix(g->settings, name);
    g->n_others += !wanted;
    if (!wanted || add(g->in, path, name))
        return LIC_OK;
    return lic_report_fail(err, LIC_ERR_MEMORY, "no memory for the names");
}

/* -1, or the exit code. */
static int add_folder(lic_inputs *in, const lic_settings *s, const char *path)
{
    struct gathering g = {in, s, 0};
    lic_error err;
    const size_t before = in->n, unread_before = in->n_unread;
    if (!s->recursive)
        return usage("is a folder; -r takes the files in it", path);
    if (lic_folder_walk(path, visit, &g, &in->n_unread, &err) != LIC_OK)
        return lic_report_exit(LIC_EXIT_FAILED, path, "%s", err.text);
    if (g.n_others)
        lic_report_note(1, path, "%zu file%s with other suffixes left as they are", g.n_others,
                        g.n_others == 1 ? "" : "s");
    if (in->n == before && in->n_unread == unread_before)
        lic_report_warning(path, is_encode(s) ? "holds no pictures" : "holds no .lic files");
    return -1;
}

static int add_word(lic_inputs *in, const lic_settings *s, const char *word)
{
    if (lic_folder_is(word))
        return add_folder(in, s, word);
    if (add(in, word, lic_file_base_name(word)))
        return -1;
    return lic_inputs_no_memory();
}

/* The part of a name in a list that an output folder mirrors. NULL if it would lead out of that
 * folder. */
static const char *mirrored(const char *name)
{
    while (*name == '/' || (name[0] == '.' && name[1] == '/'))
        name++;
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || !at[2]))
            return NULL;
    }
    return name;
}

static int add_listed(lic_inputs *in, const lic_settings *s, const char *path)
{
    const char *name = mirrored(path);
    if (!name && s->output_folder)
        return usage("has '..' in it, which leads out of --output-dir", path);
    if (lic_folder_is(path))
        return usage("is a folder; a list names files", path);
    if (add(in, path, name ? name : path))
        return -1;
    return lic_inputs_no_memory();
}

/* Whether each line has a carriage return before its end, as Windows writes them. A name may end in
 * one, but hardly all of them do. */
static bool ends_in_returns(const char *text, const char *end)
{
    bool all = true;
    for (const char *stop; all && text < end; text = stop + 1) {
        stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        all = stop == end || (stop > text && stop[-1] == '\r');
    }
    return all;
}

/* Names are lines, or end in zero bytes if there are any, as find -print0 gives them. */
static int add_list(lic_inputs *in, const lic_settings *s)
{
    lic_file_data list;
    lic_error err;
    int code = -1;
    if (lic_file_read(s->file_list, LIC_READ_ANY, &list, &err) != LIC_OK)
        return lic_report_exit(LIC_EXIT_FAILED, s->file_list, "%s", err.text);
    char *text = realloc(list.data, list.bytes + 1); /* the last name may lack its end */
    if (!text) {
        lic_file_free(&list);
        return lic_inputs_no_memory();
    }
    const char ends = memchr(text, 0, list.bytes) ? 0 : '\n';
    text[list.bytes] = ends;
    const bool returns = ends && ends_in_returns(text, text + list.bytes);
    char *begin = text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0); /* Windows writes it
                                                                             before UTF-8 */
    for (char *at = begin, *end = text + list.bytes; at < end && code < 0;) {
        char *stop = memchr(at, ends, (size_t)(end - at) + 1);
        *stop = 0;
        if (returns && stop > at && stop[-1] == '\r')
            stop[-1] = 0;
        if (*at)
            code = add_listed(in, s, at);
        at = stop + 1;
    }
    free(text);
    return code;
}

/* ---- words ---- */

static bool takes_many(const lic_settings *s)
{
    return s->recursive || s->file_list || s->output_folder || s->shards || s->test ||
           s->command == LIC_COMMAND_BENCH;
}

/* Of two names, whether the second is the output. */
static bool second_is_output(const lic_settings *s)
{
    const char *name = s->files[1];
    if (takes_many(s) || s->output || s->to_stdout || s->n_files != 2)
        return false;
    if (strcmp(name, "-") == 0)
        return true;
    return !has_input_suffix(s, name) &&
           (has_output_suffix(s, name) || !has_input_content(s, name));
}

/* Whether the name promises another kind of picture than what is written. */
static bool has_foreign_suffix(const char *name)
{
    static const char *const suffixes[] = {".webp", ".avif", ".avifs", ".heic", ".heif", ".hif",
                                           ".jxl",  ".jp2",  ".j2k",   ".gif",  ".bmp",  ".tif",
                                           ".tiff", ".dng",  ".qoi",   ".tga",  ".exr",  ".pam",
                                           ".bpg",  ".svg",  ".pdf",   ".ico",  ".psd"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (ends_in(name, suffixes[i]))
            return true;
    return false;
}

static int check_words(const lic_settings *s)
{
    if (s->n_files == 0 && !s->file_list)
        return usage(s->command == LIC_COMMAND_BENCH ? "which pictures? lic bench IN..."
                     : is_encode(s)                  ? "which picture? lic encode IN [OUT]"
                                                     : "which file? lic decode IN [OUT]",
                     NULL);
    if (s->test && (s->output || s->to_stdout || s->output_folder))
        return usage("--test writes nothing; -o, -c and --output-dir do not go with it", NULL);
    if ((s->output != NULL) + s->to_stdout + (s->output_folder != NULL) > 1)
        return usage("the output is named more than once (-o, -c, --output-dir)", NULL);
    /* Either an output was meant here, or an input is mistyped: better to say so before any
     * work. */
    if (s->n_files == 2 && !takes_many(s) && has_input_suffix(s, s->files[1]) &&
        access(s->files[1], F_OK) != 0 && errno == ENOENT)
        return usage(is_encode(s) ? "is not there, and looks like a picture, not like an output "
                                    "(-o forces this name)"
                                  : "is not there, and looks like an input (-o forces this name)",
                     s->files[1]);
    if (is_encode(s) && s->n_files == 2 && second_is_output(s) && has_foreign_suffix(s->files[1]))
        return usage(
            "would be a .lic stream under the name of something else (-o forces this name)",
            s->files[1]);
    return -1;
}

/* One output for several inputs is a mistake, and so is standard input among other inputs. */
static int check_number(const lic_inputs *in, const lic_settings *s)
{
    if (in->n > 1 && (s->output || s->to_stdout))
        return usage("is one output for several inputs; --output-dir names a folder",
                     s->to_stdout ? "-c" : s->output);
    for (size_t i = 0; i < in->n && (in->n > 1 || s->output_folder); i++)
        if (strcmp(in->items[i].path, "-") == 0)
            return usage("standard input is one picture, and goes to one named output", NULL);
    return -1;
}

/* The second of two names is an output by its suffix, but its contents are what the command reads:
 * somebody named a picture badly, and should not lose it. */
static int check_second(const lic_settings *s, const char *first)
{
    if (strcmp(s->output, "-") == 0 || !has_input_content(s, s->output) ||
        lic_output_place(s->output, first) == LIC_PLACE_INPUT)
        return -1;
    return usage(is_encode(s)
                     ? "holds a picture, and would be the output (-o forces this name)"
                     : "holds a .lic stream, and would be the output (-o forces this name)",
                 s->output);
}

/* With a single input, some failures are slips of the hand. */
static int check_only(const lic_input *item)
{
    if (strcmp(item->path, "-") == 0 && isatty(STDIN_FILENO))
        return usage("standard input is a terminal", NULL);
    if (!*item->output) /* --test, bench */
        return -1;
    if (strcmp(item->output, "-") == 0)
        return isatty(STDOUT_FILENO) ? usage("data is not written to a terminal; name a file", NULL)
                                     : -1;
    lic_place place = lic_output_place(item->output, item->path);
    if (place == LIC_PLACE_INPUT)
        return usage("is input and output at once", item->output);
    if (place == LIC_PLACE_FOLDER)
        return usage("is a folder; --output-dir writes into one", item->output);
    return -1;
}

/* The weights and the list are inputs too, and must not be overwritten. */
static int check_sources(const lic_inputs *in, const lic_settings *s, size_t i)
{
    const char *output = in->items[i].output, *const sources[] = {s->model, s->file_list};
    if (!*output || strcmp(output, "-") == 0)
        return -1;
    for (size_t k = 0; k < sizeof sources / sizeof *sources; k++)
        if (sources[k] && lic_output_place(output, sources[k]) == LIC_PLACE_INPUT)
            return usage(k == 0 ? "holds the weights (--model), and would be an output"
                                : "is the list of inputs, and would be an output",
                         output);
    return -1;
}

/* The shard follows from a hash of the name below the folder or in the list, so adding files moves
 * none of the others. */
static void keep_shard(lic_inputs *in, const lic_settings *s)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        lic_input *item = &in->items[i];
        uint32_t hash = (uint32_t)crc32(0, (const Bytef *)item->name, (uInt)strlen(item->name));
        if (hash % s->shards == s->shard) {
            in->items[n++] = *item;
        } else {
            free(item->path);
            free(item->output);
        }
    }
    in->n = n;
}

int lic_inputs_gather(lic_inputs *in, const lic_settings *settings, const char *suffix)
{
    lic_settings s = *settings; /* with the output among the words found */
    *in = (lic_inputs){.in_folder = s.output_folder != NULL};
    int code = check_words(&s);
    if (code < 0 && second_is_output(&s)) {
        s.output = s.files[1];
        s.n_files = 1;
        code = check_second(&s, s.files[0]);
    }
    for (int i = 0; i < s.n_files && code < 0; i++)
        code = add_word(in, &s, s.files[i]);
    if (code < 0 && s.file_list)
        code = add_list(in, &s);
    if (code < 0)
        code = check_number(in, &s);
    if (code < 0)
        code = lic_inputs_name_outputs(in, &s, suffix);
    if (code < 0)
        code = lic_inputs_check_outputs(in, &s, suffix);
    if (code < 0 && in->n == 1)
        code = check_only(&in->items[0]);
    for (size_t i = 0; i < in->n && code < 0; i++)
        code = check_sources(in, &s, i);
    if (code >= 0)
        return code;
    if (in->n == 0)
        return lic_report_exit(LIC_EXIT_FAILED, NULL,
                               is_encode(&s) ? "no pictures in what was given"
                                             : "no .lic files in what was given");
    if (s.shards)
        keep_shard(in, &s);
    return -1;
}

void lic_inputs_free(lic_inputs *in)
{
    for (size_t i = 0; i < in->n; i++) {
        free(in->items[i].path);
        free(in->items[i].output);
    }
    free(in->items);
    *in = (lic_inputs){0};
}
