/* output.c - see files.h: writing. */
#define _XOPEN_SOURCE 700 /* realpath; does not lower what the build asks for */

#include "cli/base/files.h"

#include "cli/base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The outputs that are being written, for the thread that handles signals. Temporary files are
 * made, noted, renamed and removed under the lock, so that a signal finds all of them and none is
 * made after it. */
static pthread_mutex_t outputs_lock = PTHREAD_MUTEX_INITIALIZER;
static lic_output *outputs;

/* The umask: rights that new files do not get. */
static mode_t file_mask = 022;

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

lic_place lic_output_place(const char *path, const char *input)
{
    struct stat out, in;
    if (is_stream(path))
        return LIC_PLACE_DEVICE;
    if (stat(path, &out) != 0) /* a dangling link counts as something there */
        return lstat(path, &out) == 0 ? LIC_PLACE_FILE : LIC_PLACE_FREE;
    if (S_ISDIR(out.st_mode))
        return LIC_PLACE_FOLDER;
    bool read_input = is_stream(input) ? fstat(STDIN_FILENO, &in) == 0 : stat(input, &in) == 0;
    if (read_input && S_ISREG(in.st_mode) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return LIC_PLACE_INPUT;
    return S_ISREG(out.st_mode) ? LIC_PLACE_FILE : LIC_PLACE_DEVICE;
}

/* "folder/.name.XXXXXX": in the same folder, or the rename would have to copy. */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    size_t bytes = strlen(path) + sizeof "..XXXXXX";
    char *name = malloc(bytes);
    /* Near the limit of 255 bytes the longer name would not be possible. */
    if (name)
        snprintf(name, bytes, "%.*s.%.200s.XXXXXX", folder, path, path + folder);
    return name;
}

/* Called with the lock held. */
static void unlist(const lic_output *out)
{
    lic_output **at = &outputs;
    while (*at && *at != out)
        at = &(*at)->next;
    if (*at)
        *at = out->next;
}

/* mkstemp, and the output noted for signals. */
static int create_listed(lic_output *out)
{
    pthread_mutex_lock(&outputs_lock);
    int fd = mkstemp(out->temporary);
    if (fd >= 0) {
        out->next = outputs;
        outputs = out;
    }
    pthread_mutex_unlock(&outputs_lock);
    return fd;
}

static void remove_listed(lic_output *out)
{
    pthread_mutex_lock(&outputs_lock);
    unlink(out->temporary);
    unlist(out);
    pthread_mutex_unlock(&outputs_lock);
}

static FILE *create_temporary(lic_output *out)
{
    int fd = create_listed(out);
    if (fd < 0)
        return NULL;
    FILE *stream = fdopen(fd, "wb");
    if (!stream) {
        close(fd);
        remove_listed(out);
    }
    return stream;
}

/* The rights that open() would give it, or those of the file that it replaces. */
static void choose_rights(lic_output *out)
{
    struct stat st;
    out->mode = 0666 & ~file_mask;
    if (!out->overwrite || stat(out->path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    out->mode = st.st_mode & 0777;
    out->has_owner = st.st_uid != geteuid() || st.st_gid != getegid();
    out->owner = st.st_uid;
    out->group = st.st_gid;
}

/* A folder that does not exist is a slip that is easily mended, so it is named. */
static lic_status cannot_open(const char *path, lic_error *err)
{
    const char *slash = strrchr(path, '/');
    struct stat st;
    char folder[100] = "";
    if (slash && slash > path && slash - path < (long)sizeof folder)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (errno == ENOENT && folder[0] && stat(folder, &st) != 0)
        return lic_report_fail(err, LIC_REPORT_ERR_IO,
                               "cannot write %.80s: there is no folder %s; --output-dir %s would "
                               "make it",
                               path, folder, folder);
    return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write %.150s: %s", path,
                           strerror(errno));
}

lic_status lic_output_open(lic_output *out, const char *path, bool overwrite, lic_error *err)
{
    *out = (lic_output){.overwrite = overwrite};
    if (is_stream(path)) {
        out->stream = stdout;
        return LIC_OK;
    }
    if (lic_output_place(path, path) == LIC_PLACE_DEVICE) {
        out->path = strdup(path);
        out->stream = out->path ? fopen(path, "wb") : NULL;
    } else {
        out->path = realpath(path, NULL); /* a link to a file stays a link */
        if (!out->path)
            out->path = strdup(path);
        out->temporary = out->path ? temporary_name(out->path) : NULL;
        out->stream = out->temporary ? create_temporary(out) : NULL;
    }
    if (!out->stream) {
        cannot_open(path, err);
        lic_output_abort(out);
        return err->status;
    }
    if (out->temporary)
        choose_rights(out);
    return LIC_OK;
}

void lic_output_made_of(lic_output *out, const char *input, bool times)
{
    struct stat st, there;
    if (!out->temporary || is_stream(input) || stat(input, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    if (!out->overwrite || stat(out->path, &there) != 0)
        out->mode &= 0600 | (st.st_mode & 0777);
    out->has_times = times;
    out->times[0] = st.st_atim;
    out->times[1] = st.st_mtim;
}

/* File systems without rights or owners are fine too. */
static void give_rights(const lic_output *out)
{
    const int fd = fileno(out->stream);
    if (out->has_owner)
        (void)!fchown(fd, (uid_t)out->owner, (gid_t)out->group);
    (void)fchmod(fd, (mode_t)out->mode);
    if (out->has_times)
        (void)futimens(fd, out->times);
}

static void forget(lic_output *out)
{
    free(out->path);
    free(out->temporary);
    *out = (lic_output){0};
}

/* Gives the temporary file its final name if nothing has it. A second link does that in one step,
 * whatever other programs do. Where there are no links, the name is checked first. */
static int rename_to_free(const char *from, const char *to)
{
    struct stat st;
    if (link(from, to) == 0)
        return unlink(from);
    if (errno == EEXIST)
        return -1;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

/* Done under the lock. A signal in between would otherwise leave the file behind. */
static lic_status rename_listed(lic_output *out, lic_error *err)
{
    pthread_mutex_lock(&outputs_lock);
    const int failed = out->overwrite ? rename(out->temporary, out->path)
                                      : rename_to_free(out->temporary, out->path);
    const int why = errno;
    if (!failed)
        unlist(out);
    pthread_mutex_unlock(&outputs_lock);
    if (!failed)
        return LIC_OK;
    if (why == EEXIST && !out->overwrite)
        return lic_report_fail(err, LIC_REPORT_ERR_EXISTS,
                               "%.150s exists by now; not overwritten without -f", out->path);
    return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot rename %.150s to %.150s: %s",
                           lic_file_base_name(out->temporary), out->path, strerror(why));
}

static lic_status finish(lic_output *out, lic_error *err)
{
    bool bad = fflush(out->stream) != 0 || ferror(out->stream);
    int why = errno;
    if (!bad && out->temporary)
        give_rights(out);
    if (out->stream != stdout) {
        bad = fclose(out->stream) != 0 || bad;
        why = why ? why : errno;
    }
    out->stream = NULL;
    if (bad)
        return lic_report_fail(err, LIC_REPORT_ERR_IO, "cannot write %.150s: %s",
                               out->path ? out->path : "to standard output",
                               why ? strerror(why) : "unknown error");
    return out->temporary ? rename_listed(out, err) : LIC_OK;
}

lic_status lic_output_commit(lic_output *out, lic_error *err)
{
    errno = 0;
    lic_status status = finish(out, err);
    if (status != LIC_OK && out->temporary)
        remove_listed(out);
    forget(out);
    return status;
}

void lic_output_abort(lic_output *out)
{
    if (out->stream && out->stream != stdout)
        fclose(out->stream);
    if (out->stream && out->temporary)
        remove_listed(out);
    forget(out);
}

static void *wait_for_signals(void *user)
{
    const sigset_t *numbers = user;
    int number;
    while (sigwait(numbers, &number) != 0)
        ;
    pthread_mutex_lock(&outputs_lock); /* and never unlocked */
    for (const lic_output *out = outputs; out; out = out->next)
        unlink(out->temporary);
    if (isatty(STDERR_FILENO)) /* after the progress line */
        (void)!write(STDERR_FILENO, "\n", 1);
    _exit(LIC_EXIT_INTERRUPTED);
}

void lic_output_catch_signals(void)
{
    static sigset_t caught; /* the thread reads it */
    const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,  SIGXCPU,
                           SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM};
    struct sigaction old;
    pthread_t thread;
    file_mask = umask(0); /* reading it sets it, so not with other threads */
    umask(file_mask);
    signal(SIGPIPE, SIG_IGN); /* writing fails, is reported, and half a file is removed */
    signal(SIGXFSZ, SIG_IGN); /* the same at the size limit of files */
    sigemptyset(&caught);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup */
            sigaddset(&caught, numbers[i]);
    /* Blocked here and in all later threads, so that signals arrive at the one that waits. */
    pthread_sigmask(SIG_BLOCK, &caught, NULL);
    if (pthread_create(&thread, NULL, wait_for_signals, &caught) != 0)
        pthread_sigmask(SIG_UNBLOCK, &caught, NULL); /* then they simply end the program */
    else
        pthread_detach(thread);
}
