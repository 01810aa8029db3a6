/* status.c - statuses and their texts, and allocation through the caller's allocator.
 *
 * The lines are for people. They have no newline at the end and no control characters (a file name
 * may hold some). A line that is too long ends in "...", and never in the middle of a number. */
#include "codec/base/status.h"

#include "codec/base/cpu.h"
#include "codec/base/huge.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == ',';
}

/* line [bytes] holds what fitted of a longer one. Ends it in a mark, before any number or UTF-8
 * character that would be split. */
static void mark_cut(char *line, size_t bytes)
{
    static const char mark[] = "...";
    size_t n = bytes - sizeof mark;
    while (n > 0 && ((in_number(line[n - 1]) && in_number(line[n])) || (line[n] & 0xC0) == 0x80))
        n--;
    memcpy(line + n, mark, sizeof mark);
}

/* The line is built in a buffer of its own, since err->text may be among the arguments, to wrap a
 * cause. */
lic_status lic_fail(lic_error *err, lic_status status, const char *format, ...)
{
    if (!err)
        return status;
    char line[sizeof err->text] = "";
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= sizeof line)
        mark_cut(line, sizeof line);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
    memcpy(err->text, line, sizeof line);
    err->status = status;
    return status;
}

#define NAME(status)                                                                               \
    case status:                                                                                   \
        return #status

const char *lic_status_name(lic_status status)
{
    switch (status) {
        NAME(LIC_OK);
        NAME(LIC_ERR_ARGUMENT);
        NAME(LIC_ERR_UNSUPPORTED);
        NAME(LIC_ERR_NOT_LIC);
        NAME(LIC_ERR_VERSION);
        NAME(LIC_ERR_TRUNCATED);
        NAME(LIC_ERR_CORRUPT);
        NAME(LIC_ERR_MISMATCH);
        NAME(LIC_ERR_MODEL_OPEN);
        NAME(LIC_ERR_MODEL_INVALID);
        NAME(LIC_ERR_MODEL_WRONG);
        NAME(LIC_ERR_MEMORY);
        NAME(LIC_ERR_LIMIT);
        NAME(LIC_ERR_CANCELLED);
    }
    return "unknown status";
}

static void *hinted(void *block, size_t bytes)
{
    if (block)
        lic_huge_pages(block, bytes);
    return block;
}

/* The caller's code may change the rounding mode; ours must not see that. */
void *lic_alloc(const lic_allocator *allocator, size_t bytes)
{
    if (!allocator)
        return hinted(malloc(bytes ? bytes : 1), bytes); /* so that NULL always means failure */
    const uint64_t ours = lic_fp_enter();
    void *block = allocator->alloc(allocator->user, bytes);
    lic_fp_leave(ours);
    return block;
}

void *lic_realloc(const lic_allocator *allocator, void *old, size_t old_bytes, size_t bytes)
{
    if (!allocator)
        return hinted(realloc(old, bytes ? bytes : 1), bytes);
    void *block = lic_alloc(allocator, bytes);
    if (block && old) {
        memcpy(block, old, old_bytes < bytes ? old_bytes : bytes);
        lic_dealloc(allocator, old);
    }
    return block;
}

void lic_dealloc(const lic_allocator *allocator, void *pointer)
{
    if (!pointer)
        return;
    if (!allocator) {
        free(pointer);
        return;
    }
    const uint64_t ours = lic_fp_enter();
    allocator->free(allocator->user, pointer);
    lic_fp_leave(ours);
}
