/* batch.c - see batch.h. */
#include "cli/batch/batch.h"

#include "cli/base/report.h"
#include "cli/batch/budget.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdlib.h>
#include <string.h>

/* Pixels that make one more thread worth while. With fewer, several pictures at a time are
 * faster. */
enum { PIXELS_PER_THREAD = 1 << 19, MAX_MODELS = 16 };

struct opened_model {
    uint32_t id; /* as asked for */
    lic_model *model;
    lic_model_info info;
    lic_error err; /* why it could not be opened; not tried again */
};

struct failure {
    const char *path; /* the list's */
    char *text;
};

struct lic_batch {
    const lic_settings *settings;
    const lic_inputs *inputs;
    lic_batch_fn convert;
    lic_budget budget;
    int n_workers;
    double start;

    pthread_mutex_t models_lock;
    struct opened_model models[MAX_MODELS];
    int n_models;

    pthread_mutex_t lock; /* for all that follows */
    size_t next;          /* input */
    bool stop;            /* nothing after this can work */
    lic_json_lines json;
    size_t n_done, n_coded, n_skipped, n_failed, n_failed_by_model;
    struct failure *failures; /* as many as there was memory for */
    size_t n_failures;
    double pixels, bytes;
};

/* ---- models ---- */

static uint32_t uses_of(const lic_settings *s)
{
    if (s->command != LIC_COMMAND_ENCODE)
        return s->scale > 1 ? LIC_MODEL_PREVIEWS : LIC_MODEL_DECODES;
    return LIC_MODEL_ENCODES | (lic_settings_compare(s) ? LIC_MODEL_DECODES : 0);
}

/* With the lock held. NULL if there are more models than anybody has. */
static struct opened_model *find_model(lic_batch *b, uint32_t id)
{
    for (int i = 0; i < b->n_models; i++)
        if (b->models[i].id == id)
            return &b->models[i];
    if (b->n_models == MAX_MODELS)
        return NULL;
    struct opened_model *m = &b->models[b->n_models++];
    *m = (struct opened_model){.id = id};
    (void)lic_settings_open_model(b->settings, id, uses_of(b->settings), &m->model, &m->info,
                                  &m->err);
    return m;
}

lic_status lic_worker_model(lic_worker *worker, lic_conversion *c, uint32_t id,
                            const lic_model **model)
{
    lic_batch *b = worker->batch;
    pthread_mutex_lock(&b->models_lock);
    const struct opened_model *m = find_model(b, b->settings->model ? 0 : id);
    pthread_mutex_unlock(&b->models_lock);
    lic_conversion_lap(c, LIC_LAP_LOAD);
    if (!m)
        return lic_report_fail(&c->err, LIC_ERR_MODEL_OPEN, "needs one more model than %d",
                               MAX_MODELS);
    if (!m->model) {
        c->err = m->err;
        return c->err.status;
    }
    c->model_info = m->info;
    *model = m->model;
    return LIC_OK;
}

/* ---- contexts ---- */

static void drop_contexts(void *user)
{
    lic_worker *worker = user;
    lic_session_free(worker->encoder);
    lic_session_free(worker->decoder);
    worker->encoder = NULL;
    worker->decoder = NULL;
    worker->context_bytes = 0;
}

/* Threads for a picture, by its size; more if there are fewer inputs than threads. */
static int threads_for(const lic_batch *b, uint32_t width, uint32_t height)
{
    const uint64_t by_size = (uint64_t)width * height / PIXELS_PER_THREAD;
    const int share = b->budget.threads / b->n_workers;
    const int most = b->budget.threads;
    const int threads = by_size > (uint64_t)most ? most : (int)by_size;
    return threads > share ? threads : share;
}

static lic_status set_up(lic_worker *worker, unsigned use, lic_error *err)
{
    lic_options options = lic_settings_options(worker->batch->settings);
    lic_status status = LIC_OK;
    options.threads = worker->threads;
    options.progress = worker->batch->inputs->n == 1 ? lic_report_progress : NULL;
    if ((use & LIC_USE_ENCODER) && !worker->encoder)
        status = lic_session_new(worker->model, &options, &worker->encoder, err);
    if (status == LIC_OK && (use & LIC_USE_DECODER) && !worker->decoder)
        status = lic_session_new(worker->model, &options, &worker->decoder, err);
    return status;
}

lic_status lic_worker_enter(lic_worker *worker, lic_conversion *c, const lic_model *model,
                            const lic_need *need)
{
    lic_batch *b = worker->batch;
    const int threads = threads_for(b, need->width, need->height);
    const uint64_t contexts = need->use == (LIC_USE_ENCODER | LIC_USE_DECODER) ? 2 : 1;
    const uint64_t planned =
        need->stream ? lic_plan_stream_bytes(model, need->stream, need->row_bytes, threads)
                     : contexts * lic_plan_bytes(model, need->width, need->height, need->tile_side,
                                                 need->row_bytes, threads);
    if (worker->model != model || worker->threads != threads) {
        drop_contexts(worker);
        lic_budget_keep(&b->budget, 0, &worker->held_bytes);
    }
    const uint64_t context = planned > worker->context_bytes ? planned : worker->context_bytes;
    lic_budget_take(&b->budget, threads, context + need->extra_bytes, &worker->held_bytes,
                    drop_contexts, worker);
    worker->model = model;
    worker->threads = worker->taken_threads = threads;
    if (worker->context_bytes < planned)
        worker->context_bytes = planned;
    lic_conversion_lap(c, LIC_LAP_WAIT);
    return set_up(worker, need->use, &c->err);
}

void lic_worker_leave(lic_worker *worker)
{
    lic_budget_return(&worker->batch->budget, worker->taken_threads);
    worker->taken_threads = 0;
}

/* After an input: gives back its memory, and also what is kept for the next one if others need it
 * now. */
static void end_input(lic_worker *worker)
{
    lic_budget *budget = &worker->batch->budget;
    if (worker->taken_threads)
        lic_worker_leave(worker);
    if (lic_budget_is_crowded(budget))
        drop_contexts(worker);
    lic_budget_keep(budget, worker->context_bytes, &worker->held_bytes);
}

/* ---- results ---- */

static bool is_of_model(lic_status status)
{
    return lic_report_exit_code(status) == LIC_EXIT_MODEL;
}

/* With the lock held. */
static void note_failure(lic_batch *b, const lic_conversion *c, lic_status status)
{
    lic_report_error(c->input, "%s", c->err.text);
    if (is_of_model(status)) {
        b->n_failed_by_model++;
        /* Encoding uses one model for all. */
        b->stop = b->stop || b->settings->command == LIC_COMMAND_ENCODE;
    }
    b->n_failed++;
    struct failure *grown = realloc(b->failures, (b->n_failures + 1) * sizeof *grown);
    if (grown) {
        b->failures = grown;
        grown[b->n_failures++] = (struct failure){c->input, strdup(c->err.text)};
    }
}

static void show_progress(const lic_batch *b)
{
    lic_report_batch(b->n_done, b->inputs->n, b->pixels, lic_report_seconds() - b->start);
}

static void take_result(lic_batch *b, lic_conversion *c, lic_status status)
{
    pthread_mutex_lock(&b->lock);
    b->n_done++;
    if (status != LIC_OK) {
        note_failure(b, c, status);
    } else if (c->skipped) {
        b->n_skipped++;
    } else {
        b->n_coded++;
        b->pixels += (double)c->width * c->height;
        b->bytes += (double)c->bytes;
    }
    if (b->json.file && !lic_conversion_say_json(c, status, &b->json))
        b->stop = true; /* further work would leave no trace */
    if (!b->json.file && status == LIC_OK)
        lic_conversion_say_text(c, b->inputs->n > 1 && !b->settings->report);
    if (b->inputs->n > 1)
        show_progress(b);
    pthread_mutex_unlock(&b->lock);
}

/* ---- workers ---- */

static bool next_input(lic_batch *b, size_t *index)
{
    pthread_mutex_lock(&b->lock);
    bool more = !b->stop && b->next < b->inputs->n;
    *index = b->next;
    b->next += more;
    pthread_mutex_unlock(&b->lock);
    return more;
}

static void *run_worker(void *user)
{
    lic_worker *worker = user;
    lic_batch *b = worker->batch;
    size_t index;
    while (next_input(b, &index)) {
        const lic_input *input = &b->inputs->items[index];
        lic_conversion c = {
            .settings = b->settings, .input = input->path, .output = input->output, .index = index};
        c.start = c.last = lic_report_seconds();
        lic_status status = lic_conversion_check_output(&c);
        if (status == LIC_OK && !c.skipped)
            status = b->convert(worker, &c);
        end_input(worker);
        take_result(b, &c, status);
    }
    drop_contexts(worker);
    lic_budget_keep(&b->budget, 0, &worker->held_bytes);
    return NULL;
}

/* The caller is one of the workers. With fewer threads than asked for it works all the same. */
static void run_workers(lic_batch *b)
{
    lic_worker *workers = calloc((size_t)b->n_workers, sizeof *workers);
    pthread_t *threads = calloc((size_t)b->n_workers, sizeof *threads);
    lic_worker alone = {.batch = b};
    int n = 1;
    for (; workers && threads && n < b->n_workers; n++) {
        workers[n].batch = b;
        if (pthread_create(&threads[n], NULL, run_worker, &workers[n]) != 0)
            break;
    }
    run_worker(&alone);
    for (int i = 1; workers && threads && i < n; i++)
        pthread_join(threads[i], NULL);
    free(workers);
    free(threads);
}

/* The limit of --max-memory, or the library's own. */
static uint64_t memory_limit(const lic_settings *s)
{
    return s->max_memory ? s->max_memory : lic_memory_limit();
}

/* glibc learns to keep freed blocks of up to 32 MiB for each thread: memory that nobody uses and
 * the budget does not count. A fixed threshold gives them back to the system. */
static void keep_no_large_blocks(void)
{
#ifdef __GLIBC__
    enum { LARGE_BYTES = 1 << 20 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
}

/* ---- the end ---- */

static void say_summary(const lic_batch *b)
{
    const char *did = b->settings->command == LIC_COMMAND_ENCODE ? "encoded" : "decoded";
    const double seconds = lic_report_seconds() - b->start;
    char skipped[64] = "", failed[64] = "";
    if (b->n_skipped)
        snprintf(skipped, sizeof skipped, ", %zu skipped", b->n_skipped);
    if (b->n_failed)
        snprintf(failed, sizeof failed, ", %zu failed", b->n_failed);
    lic_report_note(0, NULL, "%zu %s%s%s: %.1f MP, %.0f bytes, %.4f bpp, %.2f s, %.2f MP/s",
                    b->n_coded, did, skipped, failed, b->pixels / 1e6, b->bytes,
                    b->pixels > 0 ? 8 * b->bytes / b->pixels : 0.0, seconds,
                    b->pixels / 1e6 / seconds);
    for (size_t i = 0; i < b->n_failures; i++)
        lic_report_error(b->failures[i].path, "failed: %s",
                         b->failures[i].text ? b->failures[i].text : "");
    if (b->inputs->n_unread)
        lic_report_error(NULL, "%zu folders could not be read", b->inputs->n_unread);
    if (b->next < b->inputs->n)
        lic_report_error(NULL, "%zu of %zu inputs were not tried", b->inputs->n - b->next,
                         b->inputs->n);
}

static int exit_code(const lic_batch *b)
{
    if (b->n_failed)
        return b->n_failed == b->n_failed_by_model ? LIC_EXIT_MODEL : LIC_EXIT_FAILED;
    return b->json.failed || b->inputs->n_unread ? LIC_EXIT_FAILED : LIC_EXIT_OK;
}

/* If the file for JSON cannot be written, prints that and returns false. */
static bool open_json(lic_batch *b)
{
    const lic_settings *s = b->settings;
    const bool data_on_stdout = b->inputs->n == 1 && strcmp(b->inputs->items[0].output, "-") == 0;
    if (!s->json)
        return true;
    for (size_t i = 0; i < b->inputs->n && s->json_file; i++) {
        const lic_input *item = &b->inputs->items[i];
        if (lic_json_clashes(s, item->path) || lic_json_clashes(s, item->output))
            return false;
    }
    return lic_json_lines_open(&b->json, s, data_on_stdout ? stderr : stdout);
}

static void close_all(lic_batch *b)
{
    (void)lic_json_lines_close(&b->json); /* exit_code() looks */
    for (int i = 0; i < b->n_models; i++)
        lic_model_close(b->models[i].model);
    for (size_t i = 0; i < b->n_failures; i++)
        free(b->failures[i].text);
    free(b->failures);
    lic_budget_destroy(&b->budget);
    pthread_mutex_destroy(&b->models_lock);
    pthread_mutex_destroy(&b->lock);
}

int lic_batch_run(const lic_settings *settings, const lic_inputs *inputs, lic_batch_fn convert)
{
    lic_batch b = {
        .settings = settings, .inputs = inputs, .convert = convert, .start = lic_report_seconds()};
    const int threads = lic_thread_count(settings->threads);
    b.n_workers = inputs->n < (size_t)threads ? (int)inputs->n : threads;
    if (inputs->n == 0) /* of this shard */
        return exit_code(&b);
    if (!open_json(&b))
        return LIC_EXIT_FAILED;
    keep_no_large_blocks();
    lic_budget_init(&b.budget, threads, memory_limit(settings));
    pthread_mutex_init(&b.models_lock, NULL);
    pthread_mutex_init(&b.lock, NULL);
    run_workers(&b);
    lic_report_progress_end();
    if (inputs->n > 1)
        say_summary(&b);
    close_all(&b);
    return exit_code(&b);
}
