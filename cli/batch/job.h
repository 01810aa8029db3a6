/* job.h - one input of encode or decode on its way to its output: its times, what is known of it,
 * and how it went, as text and as a JSON line. Also what all commands share: the library's options
 * made from the settings, and where JSON goes. */
#ifndef LIC_CLI_BATCH_JOB_H
#define LIC_CLI_BATCH_JOB_H

#include "cli/base/files.h"
#include "cli/base/json.h"
#include "cli/options/options.h"
#include "cli/rd/metrics.h"
#include "codec/lic.h"

typedef enum lic_lap {
    LIC_LAP_READ,
    LIC_LAP_LOAD, /* the model; or waiting for the worker that loads it */
    LIC_LAP_WAIT, /* for threads and memory held by other inputs */
    LIC_LAP_CODE,
    LIC_LAP_CHECK, /* decoding one's own output, and comparing */
    LIC_LAP_WRITE,
    LIC_N_LAPS
} lic_lap;

typedef struct lic_job {
    const lic_settings *settings;
    const char *input, *output;
    size_t index; /* among the inputs, from 0 */
    bool skipped; /* -n: the output is there */
    lic_error err;
    double start, last, seconds[LIC_N_LAPS];
    lic_model_info model_info;
    lic_stats stats;
    uint32_t width, height, channels, depth; /* of the picture, all of it */
    uint32_t written_width, written_height;  /* of a part or a preview; encode: 0 */
    double quality;
    size_t bytes; /* of the .lic file */
    int encodes;  /* it took, for a target */
    bool has_metrics;
    lic_metrics metrics; /* --report */
} lic_job;

void lic_job_lap(lic_job *job, lic_lap lap);
/* Looks at what has the output's name. Sets job->skipped, or fails. */
lic_status lic_job_check_output(lic_job *job);

/* Opens it for writing, with the folders it needs if there is an output folder. */
lic_status lic_job_open_output(lic_job *job, lic_output *out);
/* Commits it. With -n, an output that somebody else has written meanwhile is left, like one that
 * was there before; job->skipped is set. */
lic_status lic_job_commit_output(lic_job *job, lic_output *out);

/* Prints one line, more of it with more verbosity; only from verbosity `level` on. */
void lic_job_say_text(const lic_job *job, int level);
/* False if it could not be written. */
bool lic_job_say_json(const lic_job *job, lic_status status, FILE *file);

/* ---- for all commands ---- */

/* The library's options, made from the settings. */
lic_options lic_settings_options(const lic_settings *settings);
/* Opens the model of --model, or the one with this id if it is not 0, else the default one. */
lic_status lic_settings_open_model(const lic_settings *settings, uint32_t id, lic_model **model,
                                   lic_model_info *info, lic_error *err);

/* Whether --json=FILE names this file too, by this or another name, or would once it exists. Prints
 * a message if so. */
bool lic_job_json_clashes(const lic_settings *settings, const char *other);
/* The file that --json=FILE names, else the stream. NULL, with a message, if it cannot be opened,
 * is an input of the command line, or exists: -f overwrites it, -n appends to it. */
FILE *lic_job_json_open(const lic_settings *settings, FILE *stream);
/* Opens it and begins the JSON line of a command. */
bool lic_job_json_begin(lic_json *json, const lic_settings *settings, FILE *stream,
                        const char *command, const char *input);
/* False, with a message, if it could not be written. */
bool lic_job_json_end(lic_json *json, const lic_settings *settings);
/* "status", and "error" if there was one. */
void lic_job_json_status(lic_json *json, lic_status status, const lic_error *err);

#endif
