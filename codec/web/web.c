/* web.c - the decoder as a page sees it: one model and one session, plain functions over them, and
 * pixels as a canvas wants them, RGBA of 8 bits, turned as the picture's EXIF says. Compiled by
 * Emscripten (codec/web/web.mk) and called from worker.js, one call at a time. Uses the public
 * interface alone. */
#include "codec/lic.h"

#include <emscripten.h>
#include <emscripten/html5.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED EMSCRIPTEN_KEEPALIVE

#ifdef __EMSCRIPTEN_PTHREADS__
/* Emscripten's threads know how to draw for each other. Nothing here draws: 13 kB less. */
EMSCRIPTEN_WEBGL_CONTEXT_HANDLE
emscripten_webgl_create_context(const char *target, const EmscriptenWebGLContextAttributes *wanted)
{
    (void)target, (void)wanted;
    return EMSCRIPTEN_RESULT_NOT_SUPPORTED;
}

EMSCRIPTEN_RESULT emscripten_set_canvas_element_size(const char *target, int width, int height)
{
    (void)target, (void)width, (void)height;
    return EMSCRIPTEN_RESULT_NOT_SUPPORTED;
}
#endif

/* What the last call left, for JavaScript to read where lic_web_result points: 32-bit fields. */
struct result {
    uint32_t width, height; /* as shown, turned */
    const uint8_t *pixels;  /* [height][width] RGBA, until the next call */
    uint32_t bytes;         /* of pixels */
    uint32_t model_id, check_latents, orientation, has_alpha;
    uint32_t coding_ms, synthesis_ms;
    uint32_t full_width, full_height; /* of the picture, turned, whatever the scale */
    uint32_t lossless;
    uint32_t preview_scale; /* the least that the model has a head for; 0: none, or no model */
    char error[sizeof((lic_error *)0)->text];
};

static struct result result;
static lic_image kept; /* what result.pixels are */
static lic_model *model;
static lic_session *session;

/* To the worker, which tells the page. */
EM_JS(void, tell_progress, (double fraction), {
    if (Module["onProgress"])
        Module["onProgress"](fraction);
});

static int on_progress(void *user, lic_stage stage, double fraction)
{
    (void)user;
    (void)stage;
    tell_progress(fraction);
    return 0;
}

static int finish(lic_status status, const lic_error *err)
{
    memcpy(result.error, status ? err->text : "", status ? sizeof err->text : 1);
    return (int)status;
}

/* The place of pixel (x, y) of the shown picture in the stored one: EXIF's orientations 5 to 8
 * exchange the axes, and then one of the stored axes or both may run backwards. */
static size_t stored(const lic_image *image, uint32_t orientation, uint32_t x, uint32_t y)
{
    const int turned = orientation >= 5,
              back_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
              back_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const uint32_t u = turned ? y : x, v = turned ? x : y;
    return (size_t)(back_y ? image->height - 1 - v : v) * image->width +
           (back_x ? image->width - 1 - u : u);
}

/* Turns the pixels of the image, RGBA without gaps between rows. */
static lic_status turn(lic_image *image, uint32_t orientation, lic_error *err)
{
    const int turned = orientation >= 5 && orientation <= 8;
    lic_image to = {.width = turned ? image->height : image->width,
                    .height = turned ? image->width : image->height};
    uint32_t *pixels = to.data = malloc((size_t)to.width * to.height * sizeof *pixels);
    if (!pixels) {
        *err =
            (lic_error){.status = LIC_ERR_MEMORY, .text = "not enough memory to turn the picture"};
        return LIC_ERR_MEMORY;
    }
    const uint32_t *from = image->data;
    for (uint32_t y = 0; y < to.height; y++)
        for (uint32_t x = 0; x < to.width; x++)
            pixels[(size_t)y * to.width + x] = from[stored(image, orientation, x, y)];
    lic_image_free(image);
    *image = to;
    return LIC_OK;
}

/* Keeps the image, turned, for JavaScript to take its pixels. */
static lic_status keep(lic_image *image, uint32_t orientation, lic_error *err)
{
    const lic_status status = orientation > 1 ? turn(image, orientation, err) : LIC_OK;
    if (status)
        return status;
    kept = *image;
    *image = (lic_image){0};
    result.width = kept.width;
    result.height = kept.height;
    result.pixels = kept.data;
    result.bytes = kept.width * kept.height * 4;
    return LIC_OK;
}

/* Whether this engine can run this build: that for relaxed instructions, if they are fused. */
EXPORTED int lic_web_runs_here(void)
{
    return lic_cpu_supported(LIC_CPU_WASM);
}

EXPORTED const struct result *lic_web_result(void)
{
    return &result;
}

static lic_status new_session(int threads, double max_memory, lic_error *err)
{
    lic_options options;
    lic_options_init(&options);
    options.threads = threads;
    options.max_memory = (uint64_t)max_memory;
    options.progress = on_progress;
    options.backend =
        lic_backend_supported(LIC_BACKEND_ROUNDED) ? LIC_BACKEND_ROUNDED : LIC_BACKEND_STRICT;
    return lic_session_new(model, &options, &session, err);
}

/* Starts the decoder with this many threads, for lossless files: their pages need not fetch
 * weights. Like all functions here returns a lic_status, and leaves the text of an error in the
 * result. */
EXPORTED int lic_web_start(int threads, double max_memory)
{
    lic_error err;
    return finish(new_session(threads, max_memory, &err), &err);
}

static void note_previews(void)
{
    lic_model_info info = {0};
    if (model)
        lic_model_get_info(model, &info);
    result.preview_scale = info.preview_scale;
}

/* Opens the weights, once, for all other files. The session ends first: it holds the only threads
 * that there are, and opening takes some. */
EXPORTED int lic_web_open(const void *weights, size_t bytes, int threads, double max_memory)
{
    lic_error err;
    lic_model_options opening;
    lic_model_options_init(&opening);
    opening.uses = LIC_MODEL_DECODES;
    opening.threads = threads;
    lic_session_free(session);
    session = NULL;
    const lic_status status = lic_model_open_memory(weights, bytes, &opening, &model, &err);
    note_previews();
    /* Without a model, too: lossless files go on. */
    const lic_status started = new_session(threads, max_memory, status ? NULL : &err);
    return finish(status ? status : started, &err);
}

/* Adds heads for previews to the model, once. */
EXPORTED int lic_web_add_previews(const void *data, size_t bytes)
{
    lic_error err;
    const lic_status status = lic_model_add_previews(model, data, bytes, &err);
    note_previews();
    return finish(status, &err);
}

/* Size, model and orientation of a stream, into the result. */
static lic_status probe(const void *data, size_t bytes, lic_error *err)
{
    lic_info info;
    lic_metadata metadata;
    lic_metadata_init(&metadata);
    lic_status status = lic_probe(data, bytes, &info, err);
    if (!status)
        status = lic_metadata_read(&info, NULL, &metadata, err);
    result.orientation = metadata.orientation ? metadata.orientation : 1;
    lic_metadata_free(&metadata);
    const int turned = result.orientation >= 5;
    result.full_width = turned ? info.height : info.width;
    result.full_height = turned ? info.width : info.height;
    result.model_id = info.model_id;
    result.has_alpha = (uint32_t)info.has_alpha;
    result.lossless = (uint32_t)info.lossless;
    return status;
}

/* What the head of a stream says, before there are weights for it. */
EXPORTED int lic_web_probe(const void *data, size_t bytes)
{
    lic_error err;
    return finish(probe(data, bytes, &err), &err);
}

/* The picture, or with scale 2, 4, 8 or 16 a preview. */
EXPORTED int lic_web_decode(const void *data, size_t bytes, uint32_t scale)
{
    lic_error err = {.status = LIC_ERR_ARGUMENT, .text = "the decoder has not started"};
    lic_image image = {0};
    lic_decode_options options;
    lic_decode_options_init(&options);
    options.depth = 8;
    options.channels = 4;
    options.scale = scale;
    lic_image_free(&kept);
    result.pixels = NULL;
    result.bytes = 0;
    lic_status status = session ? LIC_OK : LIC_ERR_ARGUMENT;
    if (!status)
        status = probe(data, bytes, &err);
    if (!status)
        status = lic_session_decode(session, data, bytes, &options, &image, &err);
    if (!status) {
        lic_stats stats;
        lic_session_get_stats(session, &stats);
        result.check_latents = stats.check_latents;
        result.coding_ms = (uint32_t)(1000.0 * stats.seconds[LIC_STAGE_CODING]);
        result.synthesis_ms = (uint32_t)(1000.0 * stats.seconds[LIC_STAGE_SYNTHESIS]);
        status = keep(&image, result.orientation, &err);
    }
    lic_image_free(&image);
    return finish(status, &err);
}
