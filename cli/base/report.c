/* report.c - see report.h. A message is built first and written in one piece, so that lines of
 * several processes do not mix. File names may hold anything, but control sequences never reach the
 * terminal. */
#include "cli/base/report.h"

#include "cli/base/utf8.h"

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int verbosity;
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER; /* for the progress line */
static bool progress_wanted, progress_shown;
static double progress_start;

void lic_report_init(int level, bool progress)
{
    verbosity = level;
    progress_wanted = progress && level >= 0 && isatty(STDERR_FILENO);
    progress_start = lic_report_seconds();
}

/* Called with the lock held. */
static void wipe(void)
{
    if (progress_shown)
        fprintf(stderr, "\r\033[K");
    progress_shown = false;
}

__attribute__((format(printf, 3, 0))) static void say(const char *file, const char *kind,
                                                      const char *format, va_list args)
{
    char text[4400], line[4600];
    vsnprintf(text, sizeof text, format, args);
    if (file && strcmp(file, "-") == 0)
        file = "standard input";
    snprintf(line, sizeof line, "lic: %s%s%s%s", file ? file : "", file ? ": " : "", kind, text);
    lic_utf8_clean(line);
    pthread_mutex_lock(&line_lock);
    wipe();
    fprintf(stderr, "%s\n", line);
    pthread_mutex_unlock(&line_lock);
}

bool lic_report_error(const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(file, "", format, args);
    va_end(args);
    return false;
}

int lic_report_exit(int code, const char *file, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(file, "", format, args);
    va_end(args);
    return code;
}

void lic_report_warning(const char *file, const char *format, ...)
{
    if (verbosity < 0)
        return;
    va_list args;
    va_start(args, format);
    say(file, "warning: ", format, args);
    va_end(args);
}

void lic_report_note(int level, const char *file, const char *format, ...)
{
    if (verbosity < level)
        return;
    va_list args;
    va_start(args, format);
    say(file, "", format, args);
    va_end(args);
}

lic_status lic_report_fail(lic_error *err, lic_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->status = status;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

int lic_report_exit_code(lic_status status)
{
    switch (status) {
    case LIC_OK:
        return LIC_EXIT_OK;
    case LIC_ERR_MODEL_OPEN:
    case LIC_ERR_MODEL_INVALID:
    case LIC_ERR_MODEL_WRONG:
        return LIC_EXIT_MODEL;
    case LIC_ERR_CANCELLED:
        return LIC_EXIT_INTERRUPTED;
    default:
        return LIC_EXIT_FAILED;
    }
}

const char *lic_report_status_name(lic_status status)
{
    if (status == LIC_REPORT_ERR_EXISTS)
        return "LIC_ERR_EXISTS";
    if (status == LIC_REPORT_PARTIAL)
        return "LIC_PARTIAL";
    return status == LIC_REPORT_ERR_IO ? "LIC_ERR_IO" : lic_status_name(status);
}

double lic_report_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void show_progress(double fraction, const char *what)
{
    static const char bar[] = "##############################";
    const int width = (int)sizeof bar - 1;
    if (lic_report_seconds() - progress_start < 0.5)
        return;
    if (fraction > 1)
        fraction = 1;
    pthread_mutex_lock(&line_lock);
    fprintf(stderr, "\r[%-*.*s] %3d%% %-9s\033[K", width, (int)(fraction * width), bar,
            (int)(fraction * 100), what);
    progress_shown = true;
    pthread_mutex_unlock(&line_lock);
}

int lic_report_progress(void *user, lic_stage stage, double fraction)
{
    static const char *const names[LIC_N_STAGES] = {"analysis", "coding", "synthesis"};
    (void)user;
    if (!progress_wanted || (int)stage < 0 || stage >= LIC_N_STAGES || !(fraction >= 0))
        return 0;
    show_progress(fraction, names[stage]);
    return 0;
}

void lic_report_count(size_t done, size_t total, const char *what)
{
    char text[64];
    if (!progress_wanted || total == 0)
        return;
    snprintf(text, sizeof text, "%zu/%zu %.32s", done + 1, total, what);
    lic_utf8_clean(text);
    show_progress((double)done / (double)total, text);
}

void lic_report_batch(size_t done, size_t total, double pixels, double seconds)
{
    char text[96];
    if (!progress_wanted || done == 0 || done >= total || seconds <= 0)
        return;
    const double left = seconds / (double)done * (double)(total - done);
    snprintf(text, sizeof text, "%zu/%zu %.1f MP/s, %.0f:%02.0f left", done, total,
             pixels / 1e6 / seconds, floor(left / 60), floor(fmod(left, 60)));
    show_progress((double)done / (double)total, text);
}

void lic_report_progress_end(void)
{
    pthread_mutex_lock(&line_lock);
    wipe();
    pthread_mutex_unlock(&line_lock);
}
