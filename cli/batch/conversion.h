/* conversion.h - one input of encode or decode on its way to its output: its times, what is known of
 * it, and how it went, as text and as a JSON line. */
#ifndef LIC_CLI_BATCH_CONVERSION_H
#define LIC_CLI_BATCH_CONVERSION_H

#include "cli/base/files.h"
#include "cli/options/settings.h"
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

typedef struct lic_conversion {
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
} lic_conversion;

void lic_conversion_lap(lic_conversion *c, lic_lap lap);
/* Looks at what has the output's name. Sets c->skipped, or fails. */
lic_status lic_conversion_check_output(lic_conversion *c);

/* Opens it for writing, with the folders it needs if there is an output folder. */
lic_status lic_conversion_open_output(lic_conversion *c, lic_output *out);
/* Commits it. With -n, an output that somebody else has written meanwhile is left, like one that
 * was there before; c->skipped is set. */
lic_status lic_conversion_commit_output(lic_conversion *c, lic_output *out);

/* Prints one line, more of it with more verbosity; only from verbosity `level` on. */
void lic_conversion_say_text(const lic_conversion *c, int level);
/* False if it could not be written. */
bool lic_conversion_say_json(const lic_conversion *c, lic_status status, lic_json_lines *lines);

#endif
