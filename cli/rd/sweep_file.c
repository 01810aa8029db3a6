/* sweep_file.c - the file of results of sweep.h. */
#include "cli/rd/sweep.h"

#include <inttypes.h>
#include <math.h>

static const struct {
    const char *key;
    int decimals;
} columns[LIC_SWEEP_N] = {[LIC_SWEEP_BPP] = {"bpp", 8},
                          [LIC_SWEEP_PSNR] = {"psnr-rgb", 6},
                          [LIC_SWEEP_MSSSIM] = {"ms-ssim-rgb", 8},
                          [LIC_SWEEP_ENCODE] = {"encoding_time", 4},
                          [LIC_SWEEP_DECODE] = {"decoding_time", 4}};

/* Means over pictures [from, to), a list over the qualities for each column. */
static void put_columns(lic_json *json, const lic_sweep *sweep, size_t from, size_t to)
{
    for (size_t c = 0; c < LIC_SWEEP_N; c++) {
        bool missing = false; /* MS-SSIM of small pictures: no list rather than one of nulls */
        for (size_t i = from; i < to; i++)
            missing = missing || isnan(sweep->pictures[i].cells[0].values[c]);
        if (missing)
            continue;
        lic_json_open(json, columns[c].key, '[');
        for (int q = 0; q < sweep->n_qualities; q++) {
            double sum = 0;
            for (size_t i = from; i < to; i++)
                sum += sweep->pictures[i].cells[q].values[c];
            lic_json_real(json, NULL, sum / (double)(to - from), columns[c].decimals);
        }
        lic_json_close(json, ']');
    }
}

void lic_sweep_put_figures(lic_json *json, const lic_sweep *sweep, size_t i)
{
    const lic_sweep_picture *p = &sweep->pictures[i];
    lic_json_unsigned(json, "width", p->width);
    lic_json_unsigned(json, "height", p->height);
    lic_json_open(json, "bytes", '[');
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_unsigned(json, NULL, p->cells[q].bytes);
    lic_json_close(json, ']');
    put_columns(json, sweep, i, i + 1);
}

void lic_sweep_put_qualities(lic_json *json, const lic_sweep *sweep)
{
    lic_json_open(json, "quality", '[');
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_real(json, NULL, sweep->qualities[q], 4);
    lic_json_close(json, ']');
}

bool lic_sweep_write(const lic_sweep *sweep, FILE *file)
{
    char name[64], description[160];
    lic_json json;
    snprintf(name, sizeof name, "lic-%.32s", sweep->model.name);
    snprintf(description, sizeof description,
             "lic %s, model %.32s %016" PRIx64 "; means over %zu pictures; bytes of whole files; "
             "times without reading and loading",
             lic_version(), sweep->model.name, sweep->model.hash, sweep->n_pictures);
    lic_json_begin(&json, file);
    lic_json_string(&json, "name", name);
    lic_json_string(&json, "description", description);
    lic_json_open(&json, "results", '{');
    put_columns(&json, sweep, 0, sweep->n_pictures);
    lic_sweep_put_qualities(&json, sweep);
    lic_json_close(&json, '}');
    lic_json_open(&json, "pictures", '[');
    for (size_t i = 0; i < sweep->n_pictures; i++) {
        lic_json_open(&json, NULL, '{');
        lic_json_string(&json, "name", sweep->pictures[i].name);
        lic_sweep_put_figures(&json, sweep, i);
        lic_json_close(&json, '}');
    }
    lic_json_close(&json, ']');
    return lic_json_end(&json);
}
