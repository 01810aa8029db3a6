/* guard.c - see guard.h. */
#include "cli/picture/guard.h"

#include "cli/base/report.h"

lic_status lic_guard_run(lic_guard *guard, void (*work)(void *job), void *job, lic_error *err)
{
    if (guard->status != LIC_OK)
        return lic_report_fail(err, guard->status, "%s: failed before", guard->doing);
    guard->err = err;
    if (setjmp(guard->jump) == 0) {
        work(job);
        if (guard->no_memory)
            lic_guard_fail(guard, "");
    }
    return guard->status;
}

_Noreturn void lic_guard_stop(lic_guard *guard, lic_status status)
{
    guard->status = status;
    longjmp(guard->jump, 1);
}

_Noreturn void lic_guard_fail(lic_guard *guard, const char *text)
{
    if (guard->no_memory)
        lic_guard_stop(guard, lic_report_fail(guard->err, LIC_ERR_MEMORY, "not enough memory"));
    lic_guard_stop(guard,
                   lic_report_fail(guard->err, guard->on_error, "%s: %s", guard->doing, text));
}
