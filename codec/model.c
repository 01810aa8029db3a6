/* model.c - opening weights files. The tensors are read twice: first to learn how much memory they
 * take, then into one block of that size. */
#include "codec/model.h"

#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/options.h"
#include "codec/tiles.h"

#include <string.h>

/* Builds the range coder's tables on the integers of the file; false if these are not valid. */
static bool build_tables(lic_arena *arena, const table_data *data, lic_cdf_set *set)
{
    lic_cdf *tables = lic_arena_take(arena, data->n_tables, sizeof *tables);
    uint16_t *lookup = lic_arena_take(arena, data->n_tables << LIC_CDF_LOOKUP_BITS, sizeof *lookup);
    if (arena->planning || arena->failed)
        return true;
    return lic_cdf_set_init(set, (uint32_t)data->n_tables, data->cum, data->n_cum, data->start,
                            data->first, tables, lookup);
}

static lic_status load(lic_weights *w, lic_arena *arena, lic_model *model)
{
    lic_status status = lic_network_load(w, arena, &model->net);
    if (status)
        return status;
    if (!build_tables(arena, &model->net.y_tables, &model->y_tables) ||
        !build_tables(arena, &model->net.z_tables, &model->z_tables))
        return lic_fail(w->err, LIC_ERR_MODEL_INVALID,
                        "weights file with damaged frequency tables");
    return LIC_OK;
}

/* Sums, over the channels, the cost of the cheapest symbol in any of the channel's tables. */
static void set_least_cost(lic_model *model)
{
    const uint32_t n_tables = model->z_tables.n_tables, n = (uint32_t)model->net.n;
    const uint32_t per_channel = n_tables / n;
    model->z_least_cost = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t least = UINT32_MAX;
        for (uint32_t j = 0; j < per_channel; j++) {
            const uint32_t cost = lic_cdf_least_cost(&model->z_tables.tables[i * per_channel + j]);
            least = cost < least ? cost : least;
        }
        model->z_least_cost += least;
    }
}

static lic_status load_twice(lic_weights *w, lic_model *model)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    lic_status status = load(w, &plan, model);
    if (status)
        return status;
    if (!lic_arena_reserve(&model->arena, plan.peak, model->allocator))
        return lic_fail(w->err, LIC_ERR_MEMORY, "not enough memory for the weights (%zu bytes)",
                        plan.peak);
    return load(w, &model->arena, model);
}

static void fill_info(lic_weights *w, lic_model *model)
{
    lic_weights_text(w, "name", model->info.name, sizeof model->info.name);
    model->info.parameters = lic_weights_count(w, "parameters");
    model->info.hash = w->hash;
    model->info.levels = (uint32_t)model->net.levels;
    memcpy(model->info.lambda, model->net.lambda, sizeof model->info.lambda);
    model->info.latent_channels = (uint32_t)model->net.m;
    model->info.hyper_channels = (uint32_t)model->net.n;
    model->info.slices = (uint32_t)model->net.n_slices;
    lic_model_note_previews(model);
}

/* Sets up what lives only while loading: threads, the list of conversions. */
static lic_status load_weights(lic_weights *w, const lic_model_options *options, lic_model *model)
{
    lic_pool *pool = lic_pool_new(lic_pool_resolve_threads(options->threads), options->allocator);
    lic_pack_job *jobs = lic_alloc(options->allocator, LIC_MAX_JOBS * sizeof *jobs);
    lic_status status = LIC_ERR_MEMORY;
    if (!pool || !jobs) {
        lic_fail(w->err, status, "not enough memory to read the weights");
        goto done;
    }
    const uint64_t saved = lic_fp_enter();
    w->pool = pool;
    w->jobs = jobs;
    w->uses = options->uses;
    w->side = options->scale > 1 ? LIC_MAX_SCALE / (int)options->scale : 0;
    w->keep_rows = options->backend == LIC_BACKEND_OPENBLAS;
    status = load_twice(w, model);
    if (!status) {
        set_least_cost(model);
        fill_info(w, model);
        status = w->status;
    }
    model->uses = w->uses; /* what there are no heads for is decoded */
    lic_fp_leave(saved);
done:
    lic_pool_free(pool);
    lic_dealloc(options->allocator, jobs);
    return status;
}

/* From a file whose head and tables are good. */
static lic_status make_model(lic_weights *w, const lic_model_options *options, lic_model **out)
{
    lic_model *model = lic_alloc(options->allocator, sizeof *model);
    if (!model)
        return lic_fail(w->err, LIC_ERR_MEMORY, "not enough memory for a model");
    memset(model, 0, sizeof *model);
    model->allocator = options->allocator;
    model->backend = options->backend;
    const lic_status status = load_weights(w, options, model);
    if (status)
        lic_model_close(model);
    else
        *out = model;
    return status;
}

static lic_status check_options(const lic_model_options *options, lic_model_options *own,
                                lic_error *err)
{
    const lic_status status = lic_model_options_take(options, own, err);
    const uint32_t all = LIC_MODEL_ENCODES | LIC_MODEL_DECODES | LIC_MODEL_PREVIEWS;
    if (!status && own->scale && !lic_scale_is_valid(own->scale))
        return lic_fail(err, LIC_ERR_ARGUMENT, "a preview is 1/2, 1/4, 1/8 or 1/16 of a picture");
    if (!status && own->uses > all)
        return lic_fail(err, LIC_ERR_ARGUMENT,
                        "a model can encode, decode and show previews, nothing else");
    own->uses = own->uses ? own->uses : all;
    if (own->uses != LIC_MODEL_PREVIEWS)
        own->scale = 0;
    if (own->uses & LIC_MODEL_PREVIEWS && own->scale <= 1)
        own->uses |= LIC_MODEL_DECODES;
    if (!status && !lic_backend_supported(own->backend))
        return lic_fail(err, LIC_ERR_UNSUPPORTED, "this build or machine has no such backend");
    return status;
}

lic_status lic_model_open_memory(const void *data, size_t bytes, const lic_model_options *options,
                                 lic_model **out, lic_error *err)
{
    lic_model_options own;
    if (out)
        *out = NULL;
    if (!data || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_model_open_memory: bad argument");
    lic_status status = check_options(options, &own, err);
    if (status)
        return status;
    lic_weights w;
    status = lic_weights_open(&w, data, bytes, own.allocator, err);
    return status ? status : make_model(&w, &own, out);
}

lic_status lic_model_open(const char *path, const lic_model_options *options, lic_model **out,
                          lic_error *err)
{
    lic_model_options own;
    if (out)
        *out = NULL;
    if (!path || !out)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_model_open: bad argument");
    lic_status status = check_options(options, &own, err);
    if (status)
        return status;
    lic_weights w;
    lic_beside beside = {0};
    status = lic_weights_open_file(&w, path, own.allocator, err);
    if (!status && own.uses & LIC_MODEL_PREVIEWS)
        status = lic_beside_open(&beside, path, own.allocator, err);
    if (!status && beside.is_there)
        lic_weights_note_beside(&w, &beside.w);
    if (!status)
        status = make_model(&w, &own, out);
    if (!status)
        status = lic_beside_take(&beside, *out, err);
    lic_beside_close(&beside);
    lic_weights_close(&w);
    if (status) {
        lic_model_close(*out);
        *out = NULL;
    }
    return status;
}

void lic_model_close(lic_model *model)
{
    if (!model)
        return;
    lic_arena_release(&model->arena);
    lic_arena_release(&model->previews);
    lic_dealloc(model->allocator, model);
}

void lic_model_get_info_sized(const lic_model *model, lic_model_info *info, size_t struct_bytes)
{
    lic_struct_give(&model->info, sizeof model->info, info, struct_bytes);
}

uint32_t lic_model_id(const lic_model *model)
{
    return (uint32_t)model->info.hash;
}
