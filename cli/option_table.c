/* option_table.c - the one table of commands and options. */
#include "cli/option_values.h"

#include <limits.h>
#include <stddef.h>

enum {
    ENCODE = LIC_COMMAND_ENCODE,
    DECODE = LIC_COMMAND_DECODE,
    INFO = LIC_COMMAND_INFO,
    EVAL = LIC_COMMAND_EVAL,
    BDRATE = LIC_COMMAND_BDRATE,
    SWEEP = LIC_COMMAND_SWEEP,
    CODE = ENCODE | DECODE,
    RUN = CODE | SWEEP, /* the network runs */
    ANY = LIC_COMMAND_ANY
};

/* The last two fields of a row: a function for the value, or a switch to be put on. */
#define SET(function) lic_##function, 0
#define FLAG(field)   NULL, offsetof(lic_settings, field)

const lic_command_row lic_options_commands[] = {
    {LIC_COMMAND_ENCODE, "encode", "[-q 0..100] [--model NAME] [-f] IN [OUT] | IN...",
     "compress PNG, JPEG, PPM or PGM pictures to .lic", INT_MAX},
    {LIC_COMMAND_DECODE, "decode", "[--format png|jpg|ppm] [-f] IN [OUT] | IN...",
     "turn .lic files into pictures", INT_MAX},
    {LIC_COMMAND_INFO, "info", "[--json] FILE", "tell what a .lic or .licw file holds", 2},
    {LIC_COMMAND_EVAL, "eval", "[--json | --csv] REFERENCE PICTURE",
     "PSNR, MS-SSIM and bpp of two pictures or folders", 2},
    {LIC_COMMAND_BDRATE, "bdrate", "[--metric psnr|ms-ssim] [--json] ANCHOR TEST",
     "mean difference of two rate-distortion curves", 2},
    {LIC_COMMAND_SWEEP, "sweep", "[-q Q,Q,...] [-f] FOLDER|IN... -o OUT.json",
     "code pictures at several qualities and measure", INT_MAX},
    {LIC_COMMAND_NONE, NULL, NULL, NULL, 0}};

const lic_option lic_options_table[] = {
    {'q', false, false, ENCODE | SWEEP, "quality", "Q",
     "0 (smallest) .. 100 (best, not lossless); default 50", SET(set_quality)},
    {'o', false, false, RUN, "output", "FILE", "the same as a second name; - is standard output",
     SET(set_output)},
    {'c', false, false, CODE, "stdout", NULL, "write to standard output", FLAG(to_stdout)},
    {'r', false, false, CODE, "recursive", NULL, "take the files in folders, and in theirs",
     FLAG(recursive)},
    {0, false, false, CODE, "output-dir", "DIR", "write there, with the tree of folder inputs",
     SET(set_output_folder)},
    {0, false, false, CODE, "filelist", "FILE", "inputs from a list, by line; - is standard input",
     SET(set_file_list)},
    {0, true, false, CODE, "shard", "I/N", "only the I-th of N parts of the inputs",
     SET(set_shard)},
    {'f', false, false, RUN, "force", NULL, "overwrite the output file", SET(set_force)},
    {'n', false, false, CODE, "no-clobber", NULL, "leave an output file that is there, quietly",
     SET(set_no_clobber)},
    {0, false, false, DECODE, "format", "png,jpg,ppm",
     "kind of picture; default: by the suffix, else png", SET(set_format)},
    {0, false, false, DECODE, "depth", "auto,8,16", "bits per sample; auto: as the picture had",
     SET(set_depth)},
    {0, false, false, RUN | EVAL, "alpha", "keep,drop,blend=RRGGBB",
     "transparency: keep it without loss (default), or not", SET(set_alpha)},
    {0, false, false, CODE, "metadata", "LIST",
     "all, none, or some of icc,exif,xmp,colour,resolution", SET(set_metadata)},
    {0, false, false, CODE, "strip", NULL, "the same as --metadata=none", SET(set_strip)},
    {0, false, false, RUN | INFO | EVAL, "model", "NAME,FILE",
     "weights; default: student; decode: by the file", SET(set_model)},
    {'T', false, false, RUN | INFO | EVAL, "threads", "N",
     "0: all cores (default); same files for any N", SET(set_threads)},
    {0, true, false, INFO, "plan", "WxH", "tell the memory that a picture of this size takes",
     SET(set_plan)},
    {0, false, false, BDRATE, "metric", "psnr,ms-ssim", "quality; ms-ssim: as -10 log10(1 - x)",
     SET(set_metric)},
    {0, false, false, BDRATE, "window", "LOW,HIGH", "only this span of quality, in dB",
     SET(set_window)},
    {0, false, false, EVAL, "csv", NULL, "a line per picture, and their mean", FLAG(csv)},
    {0, false, false, EVAL, "size-of", "FILE,FOLDER", "compressed file(s) that bpp is counted from",
     SET(set_size_of)},
    {0, true, false, RUN | EVAL, "max-pixels", "N", "refuse larger pictures; default 268435456",
     SET(set_max_pixels)},
    {0, true, false, RUN | EVAL, "max-memory", "N", "refuse what takes more bytes; k M G, Ki Mi Gi",
     SET(set_max_memory)},
    {0, true, false, RUN | EVAL, "cpu", "NAME", "instruction set: auto, scalar, avx2, avx512, neon",
     SET(set_cpu)},
    {0, true, false, RUN | EVAL, "backend", "NAME", "strict (default) or openblas, for comparison",
     SET(set_backend)},
    {0, false, true, ANY, "json", "FILE", "results as a JSON line, to stdout (stderr with -c)",
     SET(set_json)},
    {'v', false, false, ANY, "verbose", NULL, "say more; may be repeated", SET(set_verbose)},
    {0, false, false, ANY, "quiet", NULL, "errors only", FLAG(quiet)},
    {0, true, false, RUN, "no-progress", NULL, "no progress line on a terminal", FLAG(no_progress)},
    {'h', false, false, ANY, "", NULL, "short help; after a command, help on it",
     SET(set_help_short)},
    {0, false, false, ANY, "help", NULL, "all options", SET(set_help)},
    {'V', false, false, ANY, "version", NULL, "version, format, CPU, backends, models found",
     FLAG(version)},
    {0, false, false, 0, NULL, NULL, NULL, NULL, 0}};
