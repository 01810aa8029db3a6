/* options.h - the command line, parsed. One list of commands (here) and one table of options
 * (table.c) define everything; parsing, help, hints for mistyped words and completion read them. */
#ifndef LIC_CLI_OPTIONS_OPTIONS_H
#define LIC_CLI_OPTIONS_OPTIONS_H

#include "cli/batch/target.h"
#include "cli/picture/image_io.h"
#include "cli/rd/curve.h"
#include "codec/lic.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Suffixes of the files that a command reads, for completion. */
#define LIC_READS_PICTURES LIC_FORMAT_ALL_SUFFIXES

/* Every command: its name, what follows it, what it does, how many file names it takes at most, and
 * of what kinds. Its function is lic_command_NAME. */
#define LIC_COMMANDS(ROW)                                                                          \
    ROW(ENCODE, encode, "[OPTIONS] IN [OUT.lic]  |  [OPTIONS] IN...",                              \
        "compress pictures (" LIC_FORMAT_TITLES ")", INT_MAX, LIC_READS_PICTURES)                  \
    ROW(DECODE, decode, "[OPTIONS] IN.lic [OUT]  |  [OPTIONS] IN.lic...",                          \
        "turn .lic files into pictures", INT_MAX, "lic")                                           \
    ROW(INFO, info, "[OPTIONS] FILE", "show what a .lic or .licw file holds", 2, "lic licw")       \
    ROW(EVAL, eval, "[OPTIONS] REFERENCE PICTURE",                                                 \
        "PSNR, MS-SSIM and bpp of two pictures or folders", 2, LIC_READS_PICTURES " lic")          \
    ROW(SWEEP, sweep, "[OPTIONS] FOLDER|IN... -o OUT.json",                                        \
        "code pictures at several qualities and measure", INT_MAX, LIC_READS_PICTURES)             \
    ROW(BDRATE, bdrate, "[OPTIONS] ANCHOR TEST", "mean difference of two rate-distortion curves",  \
        2, "json csv")                                                                             \
    ROW(BENCH, bench, "[OPTIONS] IN...", "time encoding and decoding, in memory", INT_MAX,         \
        LIC_READS_PICTURES)

#define LIC_COMMAND_NUMBER(NAME, ...) LIC_COMMAND_NUMBER_##NAME,
enum { LIC_COMMANDS(LIC_COMMAND_NUMBER) LIC_N_COMMANDS };

/* Bits, so that an option can name the commands that know it. */
#define LIC_COMMAND_BIT(NAME, ...) LIC_COMMAND_##NAME = 1 << LIC_COMMAND_NUMBER_##NAME,
typedef enum lic_command {
    LIC_COMMAND_NONE = 0,
    LIC_COMMANDS(LIC_COMMAND_BIT) LIC_COMMAND_ANY = (1 << LIC_N_COMMANDS) - 1
} lic_command;

enum { LIC_MAX_QUALITIES = 64 };

/* What --target-... asks for. */
typedef struct lic_target_wish {
    lic_target_kind kind;
    double value;
} lic_target_wish;

/* The ways to say how large a file may be; only one may be given. */
enum { LIC_BY_QUALITY = 1, LIC_BY_LAMBDA = 2, LIC_BY_BPP = 4, LIC_BY_SIZE = 8, LIC_BY_PSNR = 16 };

typedef enum lic_shell { LIC_SHELL_NONE, LIC_SHELL_BASH, LIC_SHELL_ZSH, LIC_SHELL_FISH } lic_shell;

typedef struct lic_settings {
    lic_command command;
    char **files; /* the words that are not options, moved to the front of argv */
    int n_files;
    const char *output; /* -o */
    const char *output_folder, *file_list;
    bool recursive;
    uint32_t shard, shards; /* the first counts from 0; shards 0: all */
    bool to_stdout, force, no_clobber, preserve, quiet, no_progress;
    bool json;
    const char *json_file; /* NULL: standard output, or standard error if data goes there */
    int verbose;
    const char *model;
    double quality; /* the first of those below, or the default */
    double qualities[LIC_MAX_QUALITIES];
    int n_qualities; /* 0: -q was not given */
    double lambda;   /* 0: not given; a quality once the model is known */
    lic_target_wish target;
    unsigned rate_given; /* LIC_BY_... */
    bool lossless;
    uint32_t near; /* 0: not given; lossless is set with it */
    bool report, test, rates;
    int reps;
    bool stages; /* split each picture's times into parts */
    lic_curve_metric metric;
    bool has_window;
    double window[2]; /* dB */
    bool csv;
    const char *size_of; /* the compressed file or files, for bpp */
    int threads;
    lic_cpu cpu;
    lic_backend backend;
    uint64_t max_memory, max_work;
    uint32_t tile_side;    /* 0: the library's */
    lic_read_options read; /* max_pixels, metadata, alpha */
    lic_picture_format format;
    uint32_t depth;                                   /* 0: as the picture has it */
    uint32_t crop_x, crop_y, crop_width, crop_height; /* all 0: the whole picture */
    uint32_t scale, n_slices;                         /* 0: not reduced, all slices */
    bool salvage;
    bool no_check;
    uint32_t plan_width, plan_height;
    int help; /* 1: -h, 2: --help */
    bool version;
    lic_shell completion;
} lic_settings;

/* Sets one field from the text (NULL for an option without value). If the text is wrong, returns
 * what is wanted instead ("a number from 0 to 100"), else NULL. */
typedef const char *(*lic_option_set)(lic_settings *settings, const char *text);

/* What becomes of an option's value. */
typedef enum lic_option_kind {
    LIC_OPTION_SET,    /* `set` handles it */
    LIC_OPTION_FLAG,   /* no value: a bool becomes true */
    LIC_OPTION_SWITCH, /* no value: an int becomes `least` */
    LIC_OPTION_TEXT,   /* a pointer to it */
    LIC_OPTION_WHOLE,  /* an int from least to most */
    LIC_OPTION_WORD    /* an int: least for the first word in `value`, and so on by steps of most */
} lic_option_kind;

typedef struct lic_option {
    int group;   /* of lic_options_groups */
    char letter; /* 0: none */
    bool rare;   /* only in --help, not in -h */
    bool value_optional;
    unsigned commands;
    const char *name;
    const char *value; /* NULL: takes none */
    const char *help;
    lic_option_kind kind;
    lic_option_set set; /* for LIC_OPTION_SET; for others it may refuse what was set */
    size_t field;       /* in lic_settings; a flag is a bool, all others have 4 bytes or are
                           pointers */
    long least, most;
} lic_option;

extern const lic_option lic_options_table[]; /* ends with a NULL name */
/* The option of this name, without its dashes, or of this letter; NULL if there is none. */
const lic_option *lic_option_named(const char *name, size_t bytes);
const lic_option *lic_option_lettered(char letter);
extern const char *const lic_options_groups[];

/* The meaning of an option for commands that use it in their own sense. */
typedef struct lic_option_sense {
    unsigned commands;
    const char *name; /* of the option */
    const char *value, *help;
} lic_option_sense;

extern const lic_option_sense lic_options_senses[]; /* ends with no commands */

/* The option as this command takes it. */
lic_option lic_options_as(const lic_option *option, unsigned command);

typedef struct lic_command_row {
    lic_command command;
    const char *name, *usage, *help;
    int max_files;
    const char *reads;
    int (*run)(const lic_settings *settings);
} lic_command_row;

extern const lic_command_row lic_options_commands[]; /* ends with a NULL name */
/* NULL for LIC_COMMAND_NONE. */
const lic_command_row *lic_options_command(lic_command command);

/* The functions of the commands, each in its own file. They print all messages and return the exit
 * code. */
#define LIC_COMMAND_FUNCTION(NAME, name, ...) int lic_command_##name(const lic_settings *settings);
LIC_COMMANDS(LIC_COMMAND_FUNCTION)

/* Reads defaults, environment, arguments. Prints what is wrong and returns false if anything is. */
bool lic_options_parse(int argc, char **argv, lic_settings *settings);
/* Help on standard output: all commands, or the one in settings->command. */
void lic_options_help(const lic_settings *settings);
/* A script for the shell in settings->completion, on standard output. */
void lic_options_complete(const lic_settings *settings);
/* Answers the scripts: the words that may replace the last one, each with a tab and its meaning; or
 * ":files" with the suffixes wanted; or ":folders". */
void lic_options_complete_words(int n, char **words);

#endif
