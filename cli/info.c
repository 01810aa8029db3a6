/* info.c - lic info: what a .lic file or a weights file holds, and what a picture of some size
 * would cost. */
#include "cli/base/chunks.h"
#include "cli/base/files.h"
#include "cli/base/report.h"
#include "cli/base/utf8.h"
#include "cli/options/settings.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* ---- streams ---- */

struct name_search {
    uint32_t id;
    char name[256];
};

static int match_name(void *user, const char *path, uint64_t hash)
{
    struct name_search *search = user;
    if ((uint32_t)hash != search->id)
        return 0;
    snprintf(search->name, sizeof search->name, "%.255s", lic_file_base_name(path));
    return 1;
}

/* The weights file with this id in the model folders; "" if none. */
static struct name_search find_name(uint32_t id)
{
    struct name_search search = {.id = id};
    (void)lic_model_each(NULL, match_name, &search);
    return search;
}

static double bpp(const lic_info *info, size_t bytes)
{
    return 8.0 * (double)bytes / ((double)info->width * info->height);
}

static void stream_text(const char *path, size_t bytes, const lic_info *info)
{
    struct name_search model = find_name(info->model_id);
    lic_utf8_put(stdout, path);
    printf(": .lic stream, version %" PRIu32 "\n", info->version);
    printf("  picture  %" PRIu32 "x%" PRIu32 ", %s, %" PRIu32 " bit\n", info->width, info->height,
           info->channels == 1 ? "grey" : "RGB", info->depth);
    printf("  size     %zu bytes, %.4f bpp (coded latents: %zu bytes)\n", bytes, bpp(info, bytes),
           info->latent_bytes);
    if (info->tile_width)
        printf("  tiles    %" PRIu32 "x%" PRIu32 " at most\n", info->tile_width, info->tile_height);
    if (info->lossless) {
        printf("  quality  lossless, no model\n");
    } else {
        printf("  quality  %.2f%s\n", info->quality,
               lic_info_chunk(info, "Exac") ? ", drawn parts exactly" : "");
        printf("  model    %08" PRIx32 " (", info->model_id);
        lic_utf8_put(stdout, model.name[0] ? model.name : "not found here");
        printf(")\n");
    }
    printf("  check    %08" PRIx32 "\n", info->check_latents);
    for (size_t i = 0; i < info->n_chunks; i++)
        printf("  chunk    %.4s, %zu bytes\n", info->chunks[i].type, info->chunks[i].bytes);
}

/* A type that occurs more than once gets one key, with the bytes of all. */
static void json_chunk(lic_json *json, const lic_info *info, size_t i)
{
    char type[5] = {0};
    uint64_t bytes = 0;
    memcpy(type, info->chunks[i].type, 4);
    for (size_t k = 0; k < info->n_chunks; k++) {
        if (!lic_chunk_has_type(&info->chunks[k], type))
            continue;
        if (k < i)
            return;
        bytes += info->chunks[k].bytes;
    }
    lic_json_unsigned(json, type, bytes);
}

static void stream_json(lic_json *json, size_t bytes, const lic_info *info)
{
    struct name_search model = find_name(info->model_id);
    lic_json_string(json, "kind", "stream");
    lic_json_unsigned(json, "version", info->version);
    lic_json_unsigned(json, "bytes", bytes);
    lic_json_unsigned(json, "latent_bytes", info->latent_bytes);
    lic_json_real(json, "bpp", bpp(info, bytes), 6);
    lic_json_unsigned(json, "width", info->width);
    lic_json_unsigned(json, "height", info->height);
    lic_json_unsigned(json, "channels", info->channels);
    lic_json_unsigned(json, "depth", info->depth);
    lic_json_unsigned(json, "tile_width", info->tile_width); /* 0: one tile */
    lic_json_unsigned(json, "tile_height", info->tile_height);
    lic_json_real(json, "quality", info->quality, 4);
    lic_json_unsigned(json, "lossless", info->lossless != 0);
    lic_json_hex(json, "model_id", info->model_id, 8);
    if (model.name[0])
        lic_json_string(json, "model_file", model.name);
    else
        lic_json_null(json, "model_file");
    lic_json_hex(json, "check_latents", info->check_latents, 8);
    lic_json_open(json, "chunks", '{');
    for (size_t i = 0; i < info->n_chunks; i++)
        json_chunk(json, info, i);
    lic_json_close(json, '}');
}

/* ---- weights ---- */

static void model_text(const char *path, const lic_model_info *m)
{
    lic_utf8_put(stdout, path);
    printf(": model ");
    lic_utf8_put(stdout, m->name);
    putchar('\n');
    printf("  hash        %016" PRIx64 " (id in streams: %08" PRIx32 ")\n", m->hash,
           (uint32_t)m->hash);
    printf("  parameters  %" PRIu64 "\n", m->parameters);
    printf("  rate levels %" PRIu32 ", latent channels %" PRIu32 " in %" PRIu32
           " slices, hyper channels %" PRIu32 "\n",
           m->levels, m->latent_channels, m->slices, m->hyper_channels);
    if (m->preview_slices)
        printf("  previews of 1/%" PRIu32 " and less from the first %" PRIu32 " slices\n",
               m->preview_scale, m->preview_slices);
}

static void model_json(lic_json *json, const lic_model_info *m)
{
    lic_json_string(json, "kind", "model");
    lic_json_string(json, "name", m->name);
    lic_json_hex(json, "hash", m->hash, 16);
    lic_json_unsigned(json, "parameters", m->parameters);
    lic_json_unsigned(json, "levels", m->levels);
    lic_json_unsigned(json, "latent_channels", m->latent_channels);
    lic_json_unsigned(json, "hyper_channels", m->hyper_channels);
    lic_json_unsigned(json, "slices", m->slices);
    lic_json_unsigned(json, "preview_slices", m->preview_slices);
    lic_json_unsigned(json, "preview_scale", m->preview_scale);
}

/* ---- rate levels ---- */

static double level_quality(const lic_model_info *m, uint32_t level)
{
    return m->levels > 1 ? 100.0 * level / (m->levels - 1) : 0;
}

static void rates_text(const lic_model_info *m)
{
    printf("  level  quality    lambda\n"); /* 0: the model does not say */
    for (uint32_t i = 0; i < m->levels; i++) {
        double quality = level_quality(m, i);
        printf("  %5" PRIu32 "  %7.3f  %.6f\n", i, quality, lic_rates_lambda(m, quality));
    }
    printf("  Qualities between the levels are interpolated: any real number will do.\n");
}

static void rates_json(lic_json *json, const lic_model_info *m)
{
    lic_json_open(json, "rates", '[');
    for (uint32_t i = 0; i < m->levels; i++) {
        double quality = level_quality(m, i);
        lic_json_open(json, NULL, '{');
        lic_json_unsigned(json, "level", i);
        lic_json_real(json, "quality", quality, 4);
        lic_json_real(json, "lambda", lic_rates_lambda(m, quality), 6);
        lic_json_close(json, '}');
    }
    lic_json_close(json, ']');
}

/* ---- the command ---- */

/* Prints about a stream if one was probed, else about a model; and a plan if one was asked for. */
struct subject {
    const lic_settings *settings;
    const char *path;
    bool is_stream;
    size_t bytes;
    lic_info info;
    lic_model *model;
    lic_model_info model_info;
    uint64_t planned_bytes;
    lic_error err;
};

static lic_status plan(struct subject *it)
{
    const lic_settings *s = it->settings;
    /* rows of RGB, 8 bits */
    it->planned_bytes = lic_plan_bytes(it->model, s->plan_width, s->plan_height, s->tile_side,
                                       3 * (size_t)s->plan_width, s->threads);
    if (!it->planned_bytes)
        return lic_report_fail(&it->err, LIC_ERR_LIMIT, "no plan for %" PRIu32 "x%" PRIu32,
                               s->plan_width, s->plan_height);
    return LIC_OK;
}

static bool is_weights_name(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && strcasecmp(path + n - 5, ".licw") == 0;
}

static lic_status look(struct subject *it)
{
    const lic_settings *s = it->settings;
    const char *model = s->model ? s->model : LIC_DEFAULT_MODEL;
    lic_status status;
    if (it->path && !is_weights_name(it->path)) {
        lic_file_data file;
        status = lic_file_read_stream(it->path, LIC_READ_ANY, &file, &it->err);
        if (status == LIC_OK)
            status = lic_probe(file.data, file.bytes, &it->info, &it->err);
        it->is_stream = true;
        it->bytes = file.bytes;
        lic_file_free(&file); /* from here on only types and sizes of chunks are used */
        return status;
    }
    if (it->path)
        status = lic_model_open(it->path, NULL, &it->model, &it->err);
    else
        status = lic_model_find(model, 0, NULL, &it->model, &it->err);
    if (status == LIC_OK)
        lic_model_get_info(it->model, &it->model_info);
    if (status == LIC_OK && s->plan_width)
        status = plan(it);
    return status;
}

static void say_text(const struct subject *it)
{
    if (it->is_stream)
        stream_text(it->path, it->bytes, &it->info);
    else
        model_text(it->path ? it->path : it->model_info.name, &it->model_info);
    if (it->settings->rates)
        rates_text(&it->model_info);
    if (it->planned_bytes)
        printf("  %" PRIu32 "x%" PRIu32 " takes %" PRIu64 " bytes of working memory\n",
               it->settings->plan_width, it->settings->plan_height, it->planned_bytes);
}

static bool say_json(const struct subject *it, lic_status status)
{
    lic_json_lines lines;
    lic_json *json = &lines.json;
    if (!lic_json_lines_open(&lines, it->settings, stdout))
        return false;
    if (lic_json_line_begin(&lines, "info", it->path ? it->path : it->model_info.name)) {
        lic_json_line_status(&lines, status, &it->err);
        if (status == LIC_OK && it->is_stream)
            stream_json(json, it->bytes, &it->info);
        else if (status == LIC_OK)
            model_json(json, &it->model_info);
        if (status == LIC_OK && it->settings->rates)
            rates_json(json, &it->model_info);
        if (status == LIC_OK && it->planned_bytes)
            lic_json_unsigned(json, "planned_bytes", it->planned_bytes);
        lic_json_line_end(&lines);
    }
    return lic_json_lines_close(&lines);
}

int lic_command_info(const lic_settings *s)
{
    struct subject it = {.settings = s, .path = s->n_files ? s->files[0] : NULL};
    bool said = true;
    if (s->n_files > 1 || (!it.path && !s->model && !s->plan_width && !s->rates))
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "which file? lic info FILE (one .lic or .licw file), or lic info "
                               "--model NAME");
    if (it.path && !is_weights_name(it.path) && (s->plan_width || s->rates))
        return lic_report_exit(LIC_EXIT_USAGE, NULL,
                               "%s: give a .licw file, or none for the default model",
                               s->rates ? "--rates" : "--plan");
    lic_status status = look(&it);
    if (status != LIC_OK)
        lic_report_error(it.path, "%s", it.err.text);
    if (s->json)
        said = say_json(&it, status);
    else if (status == LIC_OK)
        say_text(&it);
    lic_model_close(it.model);
    return said ? lic_report_exit_code(status) : LIC_EXIT_FAILED;
}
