/* settings.h - what all commands make of the settings: the library's options, the model, and the
 * JSON lines of --json. */
#ifndef LIC_CLI_OPTIONS_SETTINGS_H
#define LIC_CLI_OPTIONS_SETTINGS_H

#include "cli/base/json.h"
#include "cli/options/options.h"

/* The library's options, made from the settings. */
lic_options lic_settings_options(const lic_settings *settings);
/* Opens the model of --model, or the one with this id if it is not 0, else the default one. */
lic_status lic_settings_open_model(const lic_settings *settings, uint32_t id, uint32_t uses,
                                   lic_model **model, lic_model_info *info, lic_error *err);

/* Whether encoding decodes its own files too, to compare them with the picture. */
bool lic_settings_compare(const lic_settings *settings);

/* The Lagrange multipliers that the rate levels of a model were trained with
 * (models/train/train.py) are evenly spaced in their logarithm over the levels, so quality and
 * multiplier are two scales of one thing.
 *
 * lambda of rate + lambda 255^2 MSE, as CompressAI counts it; 0 if the model does not say. */
double lic_rates_lambda(const lic_model_info *model, double quality);
/* An error if the model was not trained with this multiplier. */
lic_status lic_rates_quality(const lic_model_info *model, double lambda, double *quality,
                             lic_error *err);

/* ---- JSON lines ---- */

/* Each line is built in memory and written in one piece, so that an interrupted run leaves whole
 * lines. After a failure, which is printed, there are no more. */
typedef struct lic_json_lines {
    const char *path; /* NULL: a stream of the program's */
    FILE *file;       /* NULL: not open */
    lic_json json;    /* the line that has begun */
    char *text;
    size_t bytes;
    bool failed;
} lic_json_lines;

/* Whether --json=FILE names this file too, by this or another name, or would once it exists. Prints
 * a message if so. */
bool lic_json_clashes(const lic_settings *settings, const char *other);
/* Opens what --json=FILE names, else takes the stream. False, with a message, if it cannot be
 * opened, is an input of the command line, or exists: -f overwrites it, -n appends to it. */
bool lic_json_lines_open(lic_json_lines *lines, const lic_settings *settings, FILE *stream);
/* Begins a line. False: there can be none, and it must not be ended. */
bool lic_json_line_begin(lic_json_lines *lines, const char *command, const char *input);
/* "status", and "error" if there was one. */
void lic_json_line_status(lic_json_lines *lines, lic_status status, const lic_error *err);
/* Writes the line; false if that, or an earlier one, failed. */
bool lic_json_line_end(lic_json_lines *lines);
/* False if anything has failed. Does nothing if it is not open. */
bool lic_json_lines_close(lic_json_lines *lines);

#endif
