/* status.c - statuses and their texts, and allocation through the caller's allocator.
 *
 * The lines are for people: they end in no newline, hold no control characters (a file name may), and
 * when too long they end in "..." and a number is then either whole or absent. */
#include "codec/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == ',';
}

/* line [bytes] holds what fitted of a longer one: end it in a mark, before a number or UTF-8 character
 * that would be split. */
static void mark_cut(char *line, size_t bytes)
{
    static const char mark[] = "...";
    size_t n = bytes - sizeof mark;
    while (n > 0 && ((in_number(line[n - 1]) && in_number(line[n])) || (line[n] & 0xC0) == 0x80))
        n--;
    memcpy(line + n, mark, sizeof mark);
}

/* The line is put together aside, so that err->text may be among the arguments (wrapping a cause). */
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

const char *lic_status_name(lic_status status)
{
    switch (status) {
    case LIC_OK: return "LIC_OK";
    case LIC_ERR_ARGUMENT: return "LIC_ERR_ARGUMENT";
    case LIC_ERR_UNSUPPORTED: return "LIC_ERR_UNSUPPORTED";
    case LIC_ERR_NOT_LIC: return "LIC_ERR_NOT_LIC";
    case LIC_ERR_VERSION: return "LIC_ERR_VERSION";
    case LIC_ERR_TRUNCATED: return "LIC_ERR_TRUNCATED";
    case LIC_ERR_CORRUPT: return "LIC_ERR_CORRUPT";
    case LIC_ERR_MISMATCH: return "LIC_ERR_MISMATCH";
    case LIC_ERR_MODEL_OPEN: return "LIC_ERR_MODEL_OPEN";
    case LIC_ERR_MODEL_INVALID: return "LIC_ERR_MODEL_INVALID";
    case LIC_ERR_MODEL_WRONG: return "LIC_ERR_MODEL_WRONG";
    case LIC_ERR_MEMORY: return "LIC_ERR_MEMORY";
    case LIC_ERR_LIMIT: return "LIC_ERR_LIMIT";
    case LIC_ERR_CANCELLED: return "LIC_ERR_CANCELLED";
    }
    return "unknown status";
}

void *lic_alloc(const lic_allocator *allocator, size_t bytes)
{
    if (allocator)
        return allocator->alloc(allocator->user, bytes);
    return malloc(bytes ? bytes : 1); /* so that NULL always means failure */
}

void lic_dealloc(const lic_allocator *allocator, void *pointer)
{
    if (!pointer)
        return;
    if (allocator)
        allocator->free(allocator->user, pointer);
    else
        free(pointer);
}
