/* table.c - the one table of commands and options. */
#include "cli/options/values.h"

#include <limits.h>
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

/* The last two fields of a row: a function for the value, or a switch to be put on. */
#define SET(function) lic_##function, 0
#define FLAG(field)   NULL, offsetof(lic_settings, field)

const lic_command_row lic_options_commands[] = {
    {LIC_COMMAND_ENCODE, "encode", "[OPTIONS] IN [OUT.lic]  |  [OPTIONS] IN...",
     "compress pictures (PNG, JPEG, PPM, PGM)", INT_MAX},
    {LIC_COMMAND_DECODE, "decode", "[OPTIONS] IN.lic [OUT]  |  [OPTIONS] IN.lic...",
     "turn .lic files into pictures", INT_MAX},
    {LIC_COMMAND_INFO, "info", "[OPTIONS] FILE", "tell what a .lic or .licw file holds", 2},
    {LIC_COMMAND_EVAL, "eval", "[OPTIONS] REFERENCE PICTURE",
     "PSNR, MS-SSIM and bpp of two pictures or folders", 2},
    {LIC_COMMAND_SWEEP, "sweep", "[OPTIONS] FOLDER|IN... -o OUT.json",
     "code pictures at several qualities and measure", INT_MAX},
    {LIC_COMMAND_BDRATE, "bdrate", "[OPTIONS] ANCHOR TEST",
     "mean difference of two rate-distortion curves", 2},
    {LIC_COMMAND_BENCH, "bench", "[OPTIONS] IN...", "time encoding and decoding, in memory",
     INT_MAX},
    {LIC_COMMAND_NONE, NULL, NULL, NULL, 0}};

const char *const lic_options_groups[] = {
    [SIZE] = "quality and size", [FILES] = "files",     [PICTURE] = "pictures",
    [MEASURE] = "measuring",     [MACHINE] = "machine", [TALK] = "messages and help"};

const lic_option lic_options_table[] = {
    {SIZE, 'q', false, false, ENCODE | SWEEP | BENCH, "quality", "Q",
     "0 (smallest) .. 100 (best, not lossless); default 50", SET(set_quality)},
    {SIZE, 0, false, false, ENCODE, "target-bpp", "X", "the best of at most X bits per pixel",
     SET(set_target_bpp)},
    {SIZE, 0, false, false, ENCODE, "target-size", "N", "the best of at most N bytes (20k, 1.5M)",
     SET(set_target_size)},
    {SIZE, 0, false, false, ENCODE, "target-psnr", "DB", "the smallest of at least this PSNR",
     SET(set_target_psnr)},
    {SIZE, 0, true, false, ENCODE, "lambda", "X",
     "quality by Lagrange multiplier, see info --rates", SET(set_lambda)},

    {FILES, 'o', false, false, WRITE, "output", "FILE", "the same as OUT; - is standard output",
     SET(set_output)},
    {FILES, 'c', true, false, CODE, "stdout", NULL, "write to standard output", FLAG(to_stdout)},
    {FILES, 0, false, false, CODE, "output-dir", "DIR",
     "write there, with the tree of folders given", SET(set_output_folder)},
    {FILES, 'r', false, false, PICTURES, "recursive", NULL, "take all that is in folders",
     FLAG(recursive)},
    {FILES, 0, true, false, PICTURES, "filelist", "FILE",
     "take the names in FILE, by line; - is standard input", SET(set_file_list)},
    {FILES, 0, true, false, PICTURES, "shard", "I/N", "take the I-th of N parts of the inputs",
     SET(set_shard)},
    {FILES, 'f', false, false, ANY, "force", NULL, "overwrite outputs", SET(set_force)},
    {FILES, 'n', false, false, CODE, "no-clobber", NULL, "skip inputs whose outputs are there",
     SET(set_no_clobber)},

    {PICTURE, 0, false, false, DECODE, "format", "png,jpg,ppm",
     "kind of picture; default: by the suffix, else png", SET(set_format)},
    {PICTURE, 0, false, false, DECODE, "depth", "auto,8,16",
     "bits per sample; auto: as the picture had", SET(set_depth)},
    {PICTURE, 0, false, false, DECODE, "crop", "WxH+X+Y", "only this part of the picture",
     SET(set_crop)},
    {PICTURE, 0, false, false, DECODE, "scale", "1/16",
     "a preview, sixteen times smaller and much faster", SET(set_scale)},
    {PICTURE, 0, true, false, DECODE, "slices", "N",
     "read only the first N slices, predict the others", SET(set_slices)},
    {PICTURE, 0, false, false, CODE, "salvage", NULL,
     "take what there is of a file that was cut short", SET(set_salvage)},
    {PICTURE, 0, false, false, WRITE | EVAL, "alpha", "keep,drop,blend=RRGGBB",
     "transparency: keep it without loss (default), or not", SET(set_alpha)},
    {PICTURE, 0, true, false, CODE, "metadata", "LIST",
     "all, none, or some of icc,exif,xmp,iptc,...", SET(set_metadata)},
    {PICTURE, 0, true, false, CODE, "strip", NULL,
     "keep colours and orientation, no other metadata", SET(set_strip)},

    {MEASURE, 0, false, false, ENCODE, "report", NULL, "decode the output; tell PSNR and MS-SSIM",
     FLAG(report)},
    {MEASURE, 0, false, false, DECODE, "test", NULL, "decode and check, write nothing", FLAG(test)},
    {MEASURE, 0, true, false, DECODE, "no-check", NULL,
     "decode though latents may not be the encoder's", FLAG(no_check)},
    {MEASURE, 0, false, false, EVAL, "csv", NULL, "a line per picture, and their mean", FLAG(csv)},
    {MEASURE, 0, false, false, EVAL, "size-of", "FILE,FOLDER",
     "compressed file(s) that bpp is counted from", SET(set_size_of)},
    {MEASURE, 0, false, false, BDRATE, "metric", "psnr,ms-ssim",
     "quality; ms-ssim: as -10 log10(1 - x)", SET(set_metric)},
    {MEASURE, 0, false, false, BDRATE, "window", "LOW,HIGH", "only this span of quality, in dB",
     SET(set_window)},
    {MEASURE, 0, false, false, BENCH, "reps", "N", "repetitions, whose medians are told; default 5",
     SET(set_reps)},

    {MACHINE, 0, false, false, RUN | INFO | EVAL, "model", "NAME,FILE",
     "weights; default: student; decode: by the file", SET(set_model)},
    {MACHINE, 'T', false, false, RUN | INFO | EVAL, "threads", "N",
     "0: all cores (default); same files for any N", SET(set_threads)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-pixels", "N",
     "refuse larger pictures; default 268435456", SET(set_max_pixels)},
    {MACHINE, 0, true, false, RUN | EVAL, "max-memory", "N",
     "refuse what takes more bytes; k M G, Ki Mi Gi", SET(set_max_memory)},
    {MACHINE, 0, true, false, ENCODE | SWEEP | BENCH | INFO, "tile", "N",
     "largest side of a tile; default 1024", SET(set_tile)},
    {MACHINE, 0, true, false, RUN | EVAL, "cpu", "auto,scalar,avx2,avx512,neon",
     "instruction set; all give the same bytes", SET(set_cpu)},
    {MACHINE, 0, true, false, RUN | EVAL, "backend", "strict,openblas", "openblas: for comparison",
     SET(set_backend)},
    {MACHINE, 0, false, false, INFO, "plan", "WxH",
     "tell the memory that a picture of this size takes", SET(set_plan)},
    {MACHINE, 0, false, false, INFO, "rates", NULL, "list the model's rate levels", FLAG(rates)},

    {TALK, 0, false, true, ANY, "json", "FILE", "a JSON line per input, to stdout (stderr with -c)",
     SET(set_json)},
    {TALK, 'v', false, false, ANY, "verbose", NULL, "say more; may be repeated", SET(set_verbose)},
    {TALK, 0, true, false, ANY, "quiet", NULL, "errors only", FLAG(quiet)},
    {TALK, 0, true, false, RUN, "no-progress", NULL, "no progress line on a terminal",
     FLAG(no_progress)},
    {TALK, 'h', false, false, ANY, "", NULL, "short help; after a command, help on it",
     SET(set_help_short)},
    {TALK, 0, false, false, ANY, "help", NULL, "all options", SET(set_help)},
    {TALK, 'V', true, false, ANY, "version", NULL, "version, format, CPU, backends, models found",
     FLAG(version)},
    {TALK, 0, true, false, ANY, "completion", "bash,zsh,fish", "print completions for a shell",
     SET(set_completion)},
    {0, 0, false, false, 0, NULL, NULL, NULL, NULL, 0}};

const lic_option_sense lic_options_senses[] = {
    {SWEEP, "quality", "Q,Q,...", "rising, 0..100; default: 0,14,29,43,57,71,86,100"},
    {SWEEP, "output", "FILE", "where the results go; FILE.part until all are there"},
    {SWEEP | EVAL, "alpha", "drop,blend=RRGGBB", "drop transparency, or put a colour behind it"},
    {INFO | EVAL | BDRATE | SWEEP | BENCH, "json", "FILE", "a JSON line per input, to stdout"},
    {0, NULL, NULL, NULL}};

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
