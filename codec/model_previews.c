/* model_previews.c - heads for previews in a file of their own. STEM.licw may have
 * STEM.previews.licw beside it, so that a network whose hash is in files can get heads that its own
 * file lacks. */
#include "codec/base/cpu.h"
#include "codec/base/status.h"
#include "codec/model.h"
#include "codec/tiles.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lic_model_note_previews(lic_model *model)
{
    const preview_head *small = lic_preview_head(&model->net, 1);
    model->info.preview_slices = small ? (uint32_t)small->slices : 0;
    model->info.preview_scale = 0;
    for (int scale = LIC_MAX_SCALE; scale > 1; scale /= 2)
        if (lic_preview_head(&model->net, LIC_MAX_SCALE / scale))
            model->info.preview_scale = (uint32_t)scale;
}

lic_status lic_model_take_previews(lic_model *model, lic_weights *w)
{
    lic_arena plan;
    lic_arena_plan(&plan);
    const uint64_t saved = lic_fp_enter();
    lic_status status = lic_previews_load(w, &plan, model->info.hash, &model->net);
    if (!status && !lic_arena_reserve(&model->previews, plan.peak, model->allocator))
        status = lic_fail(w->err, LIC_ERR_MEMORY, "not enough memory for the heads for previews");
    if (!status)
        status = lic_previews_load(w, &model->previews, model->info.hash, &model->net);
    lic_fp_leave(saved);
    if (status) { /* no trace of what was refused */
        lic_arena_release(&model->previews);
        model->net.heads[1] = (preview_head){0};
    }
    lic_model_note_previews(model);
    return status;
}

lic_status lic_model_add_previews(lic_model *model, const void *data, size_t bytes, lic_error *err)
{
    lic_weights w;
    if (!model || !data)
        return lic_fail(err, LIC_ERR_ARGUMENT, "lic_model_add_previews: bad argument");
    if (!(model->uses & LIC_MODEL_DECODES)) /* nor may its slices do for them */
        return lic_fail(err, LIC_ERR_ARGUMENT, "the model was not opened for decoding");
    if (model->net.heads[1].side)
        return lic_fail(err, LIC_ERR_ARGUMENT, "the model has its heads for previews");
    const lic_status status = lic_weights_open(&w, data, bytes, model->allocator, err);
    return status ? status : lic_model_take_previews(model, &w);
}

/* "folder/student.licw" -> "folder/student.previews.licw"; false if a path is no such name. */
static bool name_beside(const char *path, char name[PATH_MAX])
{
    const char suffix[] = ".licw";
    const size_t n = strlen(path), m = sizeof suffix - 1;
    if (n < m || strcmp(path + n - m, suffix))
        return false;
    const int length = snprintf(name, PATH_MAX, "%.*s.previews%s", (int)(n - m), path, suffix);
    return length > 0 && length < PATH_MAX;
}

static lic_status fail_named(const lic_beside *beside, lic_status status, lic_error *err)
{
    return lic_fail(err, status, "%.100s: %.130s", beside->name, beside->why.text);
}

lic_status lic_beside_open(lic_beside *beside, const char *path, const lic_allocator *allocator,
                           lic_error *err)
{
    beside->is_there = name_beside(path, beside->name) && access(beside->name, F_OK) == 0;
    if (!beside->is_there)
        return LIC_OK;
    const lic_status status =
        lic_weights_open_file(&beside->w, beside->name, allocator, &beside->why);
    return status ? fail_named(beside, status, err) : LIC_OK;
}

lic_status lic_beside_take(lic_beside *beside, lic_model *model, lic_error *err)
{
    const lic_status status =
        beside->is_there ? lic_model_take_previews(model, &beside->w) : LIC_OK;
    return status ? fail_named(beside, status, err) : LIC_OK;
}

void lic_beside_close(lic_beside *beside)
{
    if (beside->is_there)
        lic_weights_close(&beside->w);
}
