/* sweep_file.c - the file of results of sweep.h. */
#include "cli/rd/sweep.h"

#include <inttypes.h>
#include <math.h>

typedef double (*value_of)(const lic_sweep_picture *picture, const lic_sweep_cell *cell);

static double bpp_of(const lic_sweep_picture *p, const lic_sweep_cell *cell)
{
    return 8.0 * (double)cell->bytes / ((double)p->width * p->height);
}

static double psnr_of(const lic_sweep_picture *p, const lic_sweep_cell *cell)
{
    (void)p;
    return cell->psnr;
}

static double msssim_of(const lic_sweep_picture *p, const lic_sweep_cell *cell)
{
    (void)p;
    return cell->msssim;
}

static double encode_of(const lic_sweep_picture *p, const lic_sweep_cell *cell)
{
    (void)p;
    return cell->encode_s;
}

static double decode_of(const lic_sweep_picture *p, const lic_sweep_cell *cell)
{
    (void)p;
    return cell->decode_s;
}

static const struct {
    const char *key;
    value_of value;
    int decimals;
} columns[] = {{"bpp", bpp_of, 8},
               {"psnr-rgb", psnr_of, 6},
               {"ms-ssim-rgb", msssim_of, 8},
               {"encoding_time", encode_of, 4},
               {"decoding_time", decode_of, 4}};

/* Means over pictures [from, to), a list over the qualities for each column. */
static void put_columns(lic_json *json, const lic_sweep *sweep, size_t from, size_t to)
{
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        bool missing = false; /* MS-SSIM of small pictures: no list rather than one of nulls */
        for (size_t i = from; i < to; i++)
            missing =
                missing || isnan(columns[c].value(&sweep->pictures[i], sweep->pictures[i].cells));
        if (missing)
            continue;
        lic_json_begin_array(json, columns[c].key);
        for (int q = 0; q < sweep->n_qualities; q++) {
            double sum = 0;
            for (size_t i = from; i < to; i++)
                sum += columns[c].value(&sweep->pictures[i], &sweep->pictures[i].cells[q]);
            lic_json_real(json, NULL, sum / (double)(to - from), columns[c].decimals);
        }
        lic_json_end_array(json);
    }
}

void lic_sweep_put_figures(lic_json *json, const lic_sweep *sweep, size_t i)
{
    const lic_sweep_picture *p = &sweep->pictures[i];
    lic_json_unsigned(json, "width", p->width);
    lic_json_unsigned(json, "height", p->height);
    lic_json_begin_array(json, "bytes");
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_unsigned(json, NULL, p->cells[q].bytes);
    lic_json_end_array(json);
    put_columns(json, sweep, i, i + 1);
}

void lic_sweep_put_qualities(lic_json *json, const lic_sweep *sweep)
{
    lic_json_begin_array(json, "quality");
    for (int q = 0; q < sweep->n_qualities; q++)
        lic_json_real(json, NULL, sweep->qualities[q], 4);
    lic_json_end_array(json);
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
    lic_json_begin_object(&json, "results");
    put_columns(&json, sweep, 0, sweep->n_pictures);
    lic_sweep_put_qualities(&json, sweep);
    lic_json_end_object(&json);
    lic_json_begin_array(&json, "pictures");
    for (size_t i = 0; i < sweep->n_pictures; i++) {
        lic_json_begin_object(&json, NULL);
        lic_json_string(&json, "name", sweep->pictures[i].name);
        lic_sweep_put_figures(&json, sweep, i);
        lic_json_end_object(&json);
    }
    lic_json_end_array(&json);
    return lic_json_end(&json);
}
