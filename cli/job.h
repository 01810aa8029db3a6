/* job.h - what encode and decode have in common: one input, the name of its output, options for the
 * library, the clock, and the report at the end. */
#ifndef LIC_CLI_JOB_H
#define LIC_CLI_JOB_H

#include "cli/files.h"
#include "cli/json.h"
#include "cli/options.h"
#include "codec/lic.h"

typedef enum lic_lap {
    LIC_LAP_READ,
    LIC_LAP_LOAD, /* the model */
    LIC_LAP_CODE,
    LIC_LAP_WRITE,
    LIC_N_LAPS
} lic_lap;

typedef struct lic_job {
    const lic_settings *settings;
    const char *input;
    char output[4096];
    lic_error err;
    double start, last, seconds[LIC_N_LAPS];
    lic_model *model;
    lic_model_info model_info;
    lic_stats stats;
    uint32_t width, height, channels, depth;
    double quality;
    size_t bytes; /* of the .lic file */
} lic_job;

/* Names the input and the output (suffix: what a default name ends in), and looks at what stands
 * there. Returns -1 to go on, else the exit code, everything said. */
int lic_job_begin(lic_job *job, const lic_settings *settings, const char *suffix);
void lic_job_lap(lic_job *job, lic_lap lap);
/* The library's options by the settings. */
lic_options lic_job_options(const lic_job *job);
/* By --model, or by id where id is not 0, else the default model. */
lic_status lic_job_open_model(lic_job *job, uint32_t id);
/* Says how it went, as text and JSON, and frees the model; returns the exit code. */
int lic_job_end(lic_job *job, lic_status status);

/* Opens the JSON line of a command (stream: where to, unless --json=FILE says otherwise). False,
 * said, if that file cannot be opened. */
bool lic_job_json_begin(lic_json *json, const lic_settings *settings, FILE *stream,
                        const char *command, const char *input);
/* False, said, if it could not be written. */
bool lic_job_json_end(lic_json *json, const lic_settings *settings);
/* "status", and "error" if there was one. */
void lic_job_json_status(lic_json *json, lic_status status, const lic_error *err);

#endif
