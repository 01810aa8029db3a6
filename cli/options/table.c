/* table.c - the one table of options, and the rows of the commands in options.h. */
#include "cli/options/options.h"
#include "cli/options/values.h"

#include <stddef.h>
#include <string.h>

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
#define CPU_NAME(level, name)        "," name /* in the order of their numbers */
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
     "0 (smallest) .. 100 (best, not lossless); default 50", SET(lic_value_quality)},
    {SIZE, 0, false, false, ENCODE, "lossless", NULL, "to the last bit; needs no model",
     FLAG(lossless)},
    {SIZE, 0, true, false, ENCODE, "near", "N", "nearly lossless: no sample is off by more than N",
     SET(lic_value_near)},
    {SIZE, 0, false, false, ENCODE, "target-bpp", "X", "the best of at most X bits per pixel",
     SET(lic_value_target_bpp)},
    {SIZE, 0, false, false, ENCODE, "target-size", "N",
     "best quality in at most N bytes (20k, 1.5M)", SET(lic_value_target_size)},
    {SIZE, 0, false, false, ENCODE, "target-psnr", "DB", "smallest file with at least this PSNR",
     SET(lic_value_target_psnr)},
    {SIZE, 0, true, false, ENCODE, "lambda", "X",
     "quality by Lagrange multiplier, see info --rates", SET(lic_value_lambda)},

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
     SET(lic_value_shard)},
    {FILES, 'f', false, false, ANY, "force", NULL, "overwrite outputs", SET(lic_value_force)},
    {FILES, 'n', false, false, CODE, "no-clobber", NULL, "skip inputs whose outputs exist",
     SET(lic_value_no_clobber)},
    {FILES, 0, true, false, CODE, "preserve", NULL, "give outputs the times of their inputs",
     FLAG(preserve)},

    {PICTURE, 0, false, false, DECODE, "format", LIC_FORMAT_SUFFIXES,
     "kind of picture; default: by the suffix, else png", SET(lic_value_format)},
    {PICTURE, 0, false, false, DECODE, "depth", "auto,8,16",
     "bits per sample; auto: as the picture had", WORD(depth, 0, 8)},
    {PICTURE, 0, false, false, DECODE, "crop", "WxH+X+Y", "only this part of the picture",
     SET(lic_value_crop)},
    {PICTURE, 0, false, false, DECODE, "scale", "1/N",
     "a preview of 1/2, 1/4, 1/8 or 1/16; from 1/4 on fast", SET(lic_value_scale)},
    {PICTURE, 0, true, false, DECODE, "slices", "N",
     "read only the first N slices, predict the others", WHOLE(n_slices, 1, 16)},
    {PICTURE, 0, false, false, CODE, "salvage", NULL, "take what is left of a damaged or cut file",
     SET(lic_value_salvage)},
    {PICTURE, 0, false, false, WRITE | EVAL, "alpha", "keep,drop,blend=RRGGBB",
     "transparency: keep it without loss (default) or not", SET(lic_value_alpha)},
    {PICTURE, 0, true, false, CODE, "metadata", "LIST",
     "all, none, or some of icc,exif,xmp,iptc,...", SET(lic_value_metadata)},
    {PICTURE, 0, true, false, CODE, "strip", NULL,
     "keep colours and orientation, no other metadata", SET(lic_value_strip)},

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
     SET(lic_value_window)},
    {MEASURE, 0, false, false, BENCH, "reps", "N", "repetitions; medians are printed; default 5",
     WHOLE(reps, 1, 100000)},
    {MEASURE, 0, false, false, BENCH, "stages", NULL, "where the time goes, part by part",
     FLAG(stages)},

    {MACHINE, 0, false, false, RUN | INFO | EVAL, "model", "NAME,FILE",
     "weights; default: student; decode: by the file", TEXT(model)},
    {MACHINE, 'T', false, false, RUN | INFO | EVAL, "threads", "N",
     "0: all cores (default); same files for any N", WHOLE(threads, 0, 256)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-pixels", "N",
     "refuse larger pictures; default 268435456", SET(lic_value_max_pixels)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-work", "N",
     "refuse what takes more multiply-adds; default 35T", SET(lic_value_max_work)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-memory", "N",
     "refuse what takes more bytes; k M G, Ki Mi Gi", SET(lic_value_max_memory)},
    {MACHINE, 0, true, false, ENCODE | SWEEP | BENCH | INFO, "tile", "N",
     "largest side of a tile; default 1024", SET(lic_value_tile)},
    {MACHINE, 0, true, false, RUN | EVAL, "cpu", "auto" LIC_CPU_LEVELS(CPU_NAME),
     "instruction set; all give the same bytes", WORD_IF(lic_value_check_cpu, cpu, LIC_CPU_AUTO)},
    {MACHINE, 0, true, false, RUN | EVAL, "backend", "strict,openblas", "openblas: for comparison",
     WORD_IF(lic_value_check_backend, backend, LIC_BACKEND_STRICT)},
    {MACHINE, 0, false, false, INFO, "plan", "WxH", "memory that a picture of this size takes",
     SET(lic_value_plan)},
    {MACHINE, 0, false, false, INFO, "rates", NULL, "list the model's rate levels", FLAG(rates)},

    {TALK, 0, false, true, ANY, "json", "FILE", "a JSON line per input, to stdout (stderr with -c)",
     SET(lic_value_json)},
    {TALK, 'v', false, false, ANY, "verbose", NULL, "say more; may be repeated",
     SET(lic_value_verbose)},
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
