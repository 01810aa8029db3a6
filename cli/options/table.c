/* table.c - the one table of options, with the functions for values that are not a plain number,
 * word or name; and the rows of the commands in options.h. */
#include "cli/options/options.h"
#include "cli/options/read_value.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- values: lic_option_set of options.h ---- */

/* A number, or several separated by commas; parse.c refuses several if one is wanted. */
static const char *set_quality(lic_settings *s, const char *text)
{
    const char *end;
    for (s->n_qualities = 0;; text = end + 1) {
        double quality;
        end = lic_read_decimal(text, 0, 100, &quality);
        if (!end || (*end && *end != ','))
            return "a number from 0 to 100";
        if (s->n_qualities == LIC_MAX_QUALITIES)
            return "a list of at most 64 numbers";
        s->qualities[s->n_qualities++] = quality;
        if (!*end)
            break;
    }
    s->quality = s->qualities[0];
    s->rate_given |= LIC_BY_QUALITY;
    return NULL;
}

static const char *set_lambda(lic_settings *s, const char *text)
{
    s->rate_given |= LIC_BY_LAMBDA;
    return lic_read_real(text, 1e-6, 1000, &s->lambda) ? NULL
                                                       : "a Lagrange multiplier, such as 0.01";
}

static const char *set_target_bpp(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_BPP;
    s->rate_given |= LIC_BY_BPP;
    return lic_read_real(text, 1e-6, 1000, &s->target.value) ? NULL
                                                             : "bits per pixel, such as 0.25";
}

static const char *set_target_size(lic_settings *s, const char *text)
{
    uint64_t bytes = 0;
    bool ok = lic_read_amount(text, &bytes);
    s->target = (lic_target_wish){LIC_TARGET_SIZE, (double)bytes};
    s->rate_given |= LIC_BY_SIZE;
    return ok ? NULL : "a number of bytes, such as 20000, 20k or 1.5M";
}

static const char *set_target_psnr(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_PSNR;
    s->rate_given |= LIC_BY_PSNR;
    return lic_read_real(text, 1, 100, &s->target.value) ? NULL : "dB, from 1 to 100";
}

static const char *set_window(lic_settings *s, const char *text)
{
    const double most_db = 1000;
    const char *end = lic_read_decimal(text, 0, most_db, &s->window[0]);
    s->has_window = true;
    return end && *end == ',' && lic_read_real(end + 1, 0, most_db, &s->window[1]) &&
                   s->window[0] < s->window[1]
               ? NULL
               : "a span such as 29.2,36.5";
}

static const char *set_shard(lic_settings *s, const char *text)
{
    enum { MOST_SHARDS = 1000000 };
    long shard, shards;
    const char *end = lic_read_digits(text, 1, MOST_SHARDS, &shard);
    if (!end || *end != '/' || !lic_read_whole(end + 1, shard, MOST_SHARDS, &shards))
        return "a part and their number, such as 1/4 to 4/4";
    s->shard = (uint32_t)(shard - 1);
    s->shards = (uint32_t)shards;
    return NULL;
}

/* The last of -f and -n counts. */
static const char *set_force(lic_settings *s, const char *text)
{
    (void)text;
    s->force = true;
    s->no_clobber = false;
    return NULL;
}

static const char *set_no_clobber(lic_settings *s, const char *text)
{
    (void)text;
    s->no_clobber = true;
    s->force = false;
    return NULL;
}

static const char *set_format(lic_settings *s, const char *text)
{
    s->format = lic_picture_format_of_suffix(text);
    return s->format == LIC_FORMAT_NONE ? lic_any_of(LIC_FORMAT_SUFFIXES) : NULL;
}

static const char *set_alpha(lic_settings *s, const char *text)
{
    static const char wanted[] = "keep, drop, or blend=RRGGBB with a colour such as blend=ffffff";
    if (strcmp(text, "keep") == 0 || strcmp(text, "drop") == 0) {
        s->read.alpha = *text == 'k' ? LIC_ALPHA_KEEP : LIC_ALPHA_DROP;
        return NULL;
    }
    if (strncmp(text, "blend=", 6) != 0 || strlen(text) != 12 ||
        strspn(text + 6, "0123456789abcdefABCDEF") != 6)
        return wanted;
    unsigned long colour = strtoul(text + 6, NULL, 16);
    for (int i = 0; i < 3; i++)
        s->read.background[i] = (uint8_t)(colour >> (16 - 8 * i));
    s->read.alpha = LIC_ALPHA_BLEND;
    return NULL;
}

static const char *set_metadata(lic_settings *s, const char *text)
{
    static const lic_choice kinds[] = {{"all", LIC_META_ALL},
                                       {"none", 0},
                                       {"icc", 1 << LIC_META_ICCP},
                                       {"exif", 1 << LIC_META_EXIF},
                                       {"xmp", 1 << LIC_META_XMP},
                                       {"iptc", 1 << LIC_META_IPTC},
                                       {"text", 1 << LIC_META_TEXT},
                                       {"colour", 1 << LIC_META_COLOUR},
                                       {"resolution", 1 << LIC_META_RESOLUTION},
                                       {"orientation", LIC_META_ORIENTATION},
                                       {NULL, 0}};
    s->read.metadata = 0;
    for (const char *word = text;; word += strcspn(word, ",") + 1) {
        int value;
        const bool known = lic_read_choice(kinds, word, strcspn(word, ","), &value);
        const bool whole = known && (value == 0 || value == (int)LIC_META_ALL);
        if (!known || (whole && strchr(text, ','))) /* "none,exif" contradicts itself */
            return "all, none, or some of icc,exif,xmp,iptc,text,colour,resolution,orientation";
        /* Somebody who keeps only the profile, say, does not want the picture on its side. */
        s->read.metadata |= value ? (unsigned)value | LIC_META_ORIENTATION : 0;
        if (!strchr(word, ','))
            return NULL;
    }
}

static const char *set_strip(lic_settings *s, const char *text)
{
    (void)text;
    s->read.metadata = LIC_META_LOOK;
    return NULL;
}

static const char *set_salvage(lic_settings *s, const char *text)
{
    (void)text;
    s->salvage = s->read.salvage = true;
    return NULL;
}

/* Reads a side or place in a picture and the character that ends it; *text moves past that. */
static bool read_side(const char **text, char end, long least, uint32_t *value)
{
    long side;
    const char *at = lic_read_digits(*text, least, LIC_MAX_SIDE, &side);
    if (!at || *at != end)
        return false;
    *value = (uint32_t)side;
    *text = end ? at + 1 : at;
    return true;
}

static const char *set_plan(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->plan_width) && read_side(&text, 0, 1, &s->plan_height)
               ? NULL
               : "a size such as 768x512, sides up to 65535";
}

static const char *set_near(lic_settings *s, const char *text)
{
    long near;
    if (!lic_read_whole(text, 1, LIC_MAX_NEAR(16), &near))
        return "1 to 15, of samples of 16 bits to 4095";
    s->near = (uint32_t)near;
    s->lossless = true;
    return NULL;
}

static const char *set_crop(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->crop_width) && read_side(&text, '+', 1, &s->crop_height) &&
                   read_side(&text, '+', 0, &s->crop_x) && read_side(&text, 0, 0, &s->crop_y)
               ? NULL
               : "a rectangle such as 640x480+100+50";
}

static const char *set_scale(lic_settings *s, const char *text)
{
    s->scale = strcmp(text, "1/16") == 0 ? 16 : 1;
    return s->scale == 16 || strcmp(text, "1/1") == 0 || strcmp(text, "1") == 0 ? NULL : "1/16";
}

static const char *set_json(lic_settings *s, const char *text)
{
    s->json = true;
    s->json_file = text && strcmp(text, "-") == 0 ? NULL : text;
    return text && !*text ? "a file name after the =" : NULL;
}

static const char *set_verbose(lic_settings *s, const char *text)
{
    (void)text;
    s->verbose++;
    return NULL;
}

static const char *set_max_pixels(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->read.max_pixels) ? NULL : "a number, such as 100M";
}

static const char *set_max_work(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->max_work) ? NULL : "a number of multiply-adds, such as 10T";
}

static const char *set_max_memory(lic_settings *s, const char *text)
{
    bool ok = lic_read_amount(text, &s->max_memory);
    s->read.max_memory = s->max_memory;
    return ok ? NULL : "a number of bytes, such as 500M or 1.5Gi";
}

static const char *set_tile(lic_settings *s, const char *text)
{
    long side;
    if (!lic_read_whole(text, 64, 16384, &side) || side % 64)
        return "a multiple of 64 up to 16384";
    s->tile_side = (uint32_t)side;
    return NULL;
}

static const char *check_cpu(lic_settings *s, const char *text)
{
    (void)text;
    return s->cpu == LIC_CPU_AUTO || lic_cpu_supported(s->cpu)
               ? NULL
               : "an instruction set that this machine has";
}

static const char *check_backend(lic_settings *s, const char *text)
{
    (void)text;
    return lic_backend_supported(s->backend)
               ? NULL
               : "strict: OpenBLAS was not found, or is not in this build";
}

/* ---- tables ---- */

enum {
    ENCODE = LIC_COMMAND_ENCODE,
    DECODE = LIC_COMMAND_DECODE,
    INFO = LIC_COMMAND_INFO,
    EVAL = LIC_COMMAND_EVAL,
    BDRATE = LIC_COMMAND_BDRATE,
    SWEEP = LIC_COMMAND_SWEEP,
    BENCH = LIC_COMMAND_BENCH,
    CODE = ENCODE | DECODE,
    RUN = CODE | SWEEP | BENCH, /* the network runs */
    WRITE = CODE | SWEEP,
    PICTURES = CODE | BENCH, /* takes any number */
    ANY = LIC_COMMAND_ANY
};

/* Groups of options, under headings in help. */
enum { SIZE, FILES, PICTURE, MEASURE, MACHINE, TALK };

/* The last fields of a row: a function for the value, a switch to turn on, a field to set. */
#define SET(function)                LIC_OPTION_SET, function, 0, 0, 0
#define FIELD(field)                 NULL, offsetof(lic_settings, field)
#define FLAG(field)                  LIC_OPTION_FLAG, FIELD(field), 0, 0
#define SWITCH(field, value)         LIC_OPTION_SWITCH, FIELD(field), value, 0
#define TEXT(field)                  LIC_OPTION_TEXT, FIELD(field), 0, 0
#define WHOLE(field, least, most)    LIC_OPTION_WHOLE, FIELD(field), least, most
#define WORD(field, first, step)     LIC_OPTION_WORD, FIELD(field), first, step
#define WORD_IF(check, field, first) LIC_OPTION_WORD, check, offsetof(lic_settings, field), first, 1

#define COMMAND_ROW(NAME, name, usage, help, max_files, reads)                                     \
    {LIC_COMMAND_##NAME, #name, usage, help, max_files, reads, lic_command_##name},
const lic_command_row lic_options_commands[] = {
    LIC_COMMANDS(COMMAND_ROW){LIC_COMMAND_NONE, NULL, NULL, NULL, 0, NULL, NULL}};

const lic_command_row *lic_options_command(lic_command command)
{
    const lic_command_row *c = lic_options_commands;
    while (c->name && c->command != command)
        c++;
    return c->name ? c : NULL;
}

const char *const lic_options_groups[] = {
    [SIZE] = "quality and size", [FILES] = "files",     [PICTURE] = "pictures",
    [MEASURE] = "measuring",     [MACHINE] = "machine", [TALK] = "messages and help"};

const lic_option lic_options_table[] = {
    {SIZE, 'q', false, false, ENCODE | SWEEP | BENCH, "quality", "Q",
     "0 (smallest) .. 100 (best, not lossless); default 50", SET(set_quality)},
    {SIZE, 0, false, false, ENCODE, "lossless", NULL, "to the last bit; needs no model",
     FLAG(lossless)},
    {SIZE, 0, true, false, ENCODE, "near", "N", "nearly lossless: no sample is off by more than N",
     SET(set_near)},
    {SIZE, 0, false, false, ENCODE, "target-bpp", "X", "the best of at most X bits per pixel",
     SET(set_target_bpp)},
    {SIZE, 0, false, false, ENCODE, "target-size", "N",
     "best quality in at most N bytes (20k, 1.5M)", SET(set_target_size)},
    {SIZE, 0, false, false, ENCODE, "target-psnr", "DB", "smallest file with at least this PSNR",
     SET(set_target_psnr)},
    {SIZE, 0, true, false, ENCODE, "lambda", "X",
     "quality by Lagrange multiplier, see info --rates", SET(set_lambda)},

    {FILES, 'o', false, false, WRITE, "output", "FILE", "the same as OUT; - is standard output",
     TEXT(output)},
    {FILES, 'c', true, false, CODE, "stdout", NULL, "write to standard output", FLAG(to_stdout)},
    {FILES, 0, false, false, CODE, "output-dir", "DIR",
     "write there; input folders keep their tree", TEXT(output_folder)},
    {FILES, 'r', false, false, PICTURES, "recursive", NULL, "take the files in folders",
     FLAG(recursive)},
    {FILES, 0, true, false, PICTURES, "filelist", "FILE",
     "take the names in FILE, one per line; -: stdin", TEXT(file_list)},
    {FILES, 0, true, false, PICTURES, "shard", "I/N", "take part I of N of the inputs",
     SET(set_shard)},
    {FILES, 'f', false, false, ANY, "force", NULL, "overwrite outputs", SET(set_force)},
    {FILES, 'n', false, false, CODE, "no-clobber", NULL, "skip inputs whose outputs exist",
     SET(set_no_clobber)},
    {FILES, 0, true, false, CODE, "preserve", NULL, "give outputs the times of their inputs",
     FLAG(preserve)},

    {PICTURE, 0, false, false, DECODE, "format", LIC_FORMAT_SUFFIXES,
     "kind of picture; default: by the suffix, else png", SET(set_format)},
    {PICTURE, 0, false, false, DECODE, "depth", "auto,8,16",
     "bits per sample; auto: as the picture had", WORD(depth, 0, 8)},
    {PICTURE, 0, false, false, DECODE, "crop", "WxH+X+Y", "only this part of the picture",
     SET(set_crop)},
    {PICTURE, 0, false, false, DECODE, "scale", "1/16",
     "a preview, sixteen times smaller and much faster", SET(set_scale)},
    {PICTURE, 0, true, false, DECODE, "slices", "N",
     "read only the first N slices, predict the others", WHOLE(n_slices, 1, 16)},
    {PICTURE, 0, false, false, CODE, "salvage", NULL, "take what is left of a damaged or cut file",
     SET(set_salvage)},
    {PICTURE, 0, false, false, WRITE | EVAL, "alpha", "keep,drop,blend=RRGGBB",
     "transparency: keep it without loss (default) or not", SET(set_alpha)},
    {PICTURE, 0, true, false, CODE, "metadata", "LIST",
     "all, none, or some of icc,exif,xmp,iptc,...", SET(set_metadata)},
    {PICTURE, 0, true, false, CODE, "strip", NULL,
     "keep colours and orientation, no other metadata", SET(set_strip)},

    {MEASURE, 0, false, false, ENCODE, "report", NULL, "decode the output; report PSNR and MS-SSIM",
     FLAG(report)},
    {MEASURE, 0, false, false, DECODE, "test", NULL, "decode and check, write nothing", FLAG(test)},
    {MEASURE, 0, true, false, DECODE, "no-check", NULL,
     "decode even if latents may not be the encoder's", FLAG(no_check)},
    {MEASURE, 0, false, false, EVAL, "csv", NULL, "a line per picture, and their mean", FLAG(csv)},
    {MEASURE, 0, false, false, EVAL, "size-of", "FILE,FOLDER",
     "compressed file(s) from which bpp is counted", TEXT(size_of)},
    {MEASURE, 0, false, false, BDRATE, "metric", "psnr,ms-ssim",
     "quality; ms-ssim: as -10 log10(1 - x)", WORD(metric, LIC_CURVE_PSNR, 1)},
    {MEASURE, 0, false, false, BDRATE, "window", "LOW,HIGH", "only this span of quality, in dB",
     SET(set_window)},
    {MEASURE, 0, false, false, BENCH, "reps", "N", "repetitions; medians are printed; default 5",
     WHOLE(reps, 1, 100000)},
    {MEASURE, 0, false, false, BENCH, "stages", NULL, "where the time goes, part by part",
     FLAG(stages)},

    {MACHINE, 0, false, false, RUN | INFO | EVAL, "model", "NAME,FILE",
     "weights; default: student; decode: by the file", TEXT(model)},
    {MACHINE, 'T', false, false, RUN | INFO | EVAL, "threads", "N",
     "0: all cores (default); same files for any N", WHOLE(threads, 0, 256)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-pixels", "N",
     "refuse larger pictures; default 268435456", SET(set_max_pixels)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-work", "N",
     "refuse what takes more multiply-adds; default 35T", SET(set_max_work)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-memory", "N",
     "refuse what takes more bytes; k M G, Ki Mi Gi", SET(set_max_memory)},
    {MACHINE, 0, true, false, ENCODE | SWEEP | BENCH | INFO, "tile", "N",
     "largest side of a tile; default 1024", SET(set_tile)},
    {MACHINE, 0, true, false, RUN | EVAL, "cpu",
     "auto,scalar,avx2,avx512,neon,wasm,avx512vnni,neondot,avx2vnni",
     "instruction set; all give the same bytes", WORD_IF(check_cpu, cpu, LIC_CPU_AUTO)},
    {MACHINE, 0, true, false, RUN | EVAL, "backend", "strict,openblas", "openblas: for comparison",
     WORD_IF(check_backend, backend, LIC_BACKEND_STRICT)},
    {MACHINE, 0, false, false, INFO, "plan", "WxH", "memory that a picture of this size takes",
     SET(set_plan)},
    {MACHINE, 0, false, false, INFO, "rates", NULL, "list the model's rate levels", FLAG(rates)},

    {TALK, 0, false, true, ANY, "json", "FILE", "a JSON line per input, to stdout (stderr with -c)",
     SET(set_json)},
    {TALK, 'v', false, false, ANY, "verbose", NULL, "say more; may be repeated", SET(set_verbose)},
    {TALK, 0, true, false, ANY, "quiet", NULL, "errors only", FLAG(quiet)},
    {TALK, 0, true, false, RUN, "no-progress", NULL, "no progress line on a terminal",
     FLAG(no_progress)},
    {TALK, 'h', false, false, ANY, "", NULL, "short help; after a command, on that command",
     SWITCH(help, 1)},
    {TALK, 0, false, false, ANY, "help", NULL, "all options", SWITCH(help, 2)},
    {TALK, 'V', true, false, ANY, "version", NULL, "version, format, CPU, backends, models found",
     FLAG(version)},
    {TALK, 0, true, false, ANY, "completion", "bash,zsh,fish", "print completions for a shell",
     WORD(completion, LIC_SHELL_BASH, 1)},
    {0, 0, false, false, 0, NULL, NULL, NULL, FLAG(json)}};

const lic_option_sense lic_options_senses[] = {
    {SWEEP, "quality", "Q,Q,...", "rising, 0..100; default: 0,14,29,43,57,71,86,100"},
    {SWEEP, "output", "FILE", "where the results go; FILE.part until complete"},
    {SWEEP | EVAL, "alpha", "drop,blend=RRGGBB", "drop transparency, or put a colour behind it"},
    {INFO | EVAL | BDRATE | SWEEP | BENCH, "json", "FILE", "a JSON line per input, to stdout"},
    {0, NULL, NULL, NULL}};

const lic_option *lic_option_named(const char *name, size_t bytes)
{
    for (const lic_option *o = lic_options_table; o->name; o++)
        if (bytes && strlen(o->name) == bytes && memcmp(o->name, name, bytes) == 0)
            return o;
    return NULL;
}

const lic_option *lic_option_lettered(char letter)
{
    const lic_option *o = lic_options_table;
    while (o->name && o->letter != letter)
        o++;
    return o->name && letter ? o : NULL;
}

lic_option lic_options_as(const lic_option *option, unsigned command)
{
    lic_option as = *option;
    for (const lic_option_sense *s = lic_options_senses; s->commands; s++)
        if ((s->commands & command) && strcmp(s->name, option->name) == 0) {
            as.value = s->value;
            as.help = s->help;
        }
    return as;
}
