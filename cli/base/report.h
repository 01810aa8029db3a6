/* report.h - everything the program says to people: messages, exit codes, the progress line.
 * All of it goes to standard error, which leaves standard output to data and JSON. Any thread may
 * call. */
#ifndef LIC_CLI_BASE_REPORT_H
#define LIC_CLI_BASE_REPORT_H

#include "codec/lic.h"

#include <stdbool.h>

/* The library neither reads nor writes picture files, so it has no status for these errors. */
#define LIC_REPORT_ERR_IO     ((lic_status)100)
#define LIC_REPORT_ERR_EXISTS ((lic_status)101) /* an output, and -f was not given */
#define LIC_REPORT_PARTIAL    ((lic_status)102) /* a picture was written, of a file that was cut */

enum { LIC_EXIT_OK = 0, LIC_EXIT_FAILED = 1, LIC_EXIT_USAGE = 2, LIC_EXIT_MODEL = 3 };
enum { LIC_EXIT_INTERRUPTED = 130 };

/* verbosity: -1 errors only, 0 also warnings and results, 1 and more: details. */
void lic_report_init(int verbosity, bool progress);

/* "lic: FILE: message"; file may be NULL, "-" is shown by the name of the stream. Returns false,
 * for functions that say whether all is well. */
__attribute__((format(printf, 2, 3))) bool lic_report_error(const char *file, const char *format,
                                                            ...);
/* The same, but returns the exit code, for `return lic_report_exit(...)`. */
__attribute__((format(printf, 3, 4))) int lic_report_exit(int code, const char *file,
                                                          const char *format, ...);
__attribute__((format(printf, 2, 3))) void lic_report_warning(const char *file, const char *format,
                                                              ...);
/* Printed if the verbosity is at least `level`. */
__attribute__((format(printf, 3, 4))) void lic_report_note(int level, const char *file,
                                                           const char *format, ...);
/* Fills *err and returns the status, for `return lic_report_fail(...)`. */
__attribute__((format(printf, 3, 4))) lic_status lic_report_fail(lic_error *err, lic_status status,
                                                                 const char *format, ...);

int lic_report_exit_code(lic_status status);
const char *lic_report_status_name(lic_status status);

/* Seconds on a clock that only runs forward. */
double lic_report_seconds(void);

/* One line on a terminal for work that takes more than half a second; a lic_progress_fn. */
int lic_report_progress(void *user, lic_stage stage, double fraction);
/* The same for item i of several. */
void lic_report_count(size_t done, size_t total, const char *what);
/* The same for files, with the speed and the time left. */
void lic_report_batch(size_t done, size_t total, double pixels, double seconds);
/* Wipes the line, so that the next message starts on a clean one. */
void lic_report_progress_end(void);

#endif
