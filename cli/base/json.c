/* json.c - see json.h. Strings come out as valid UTF-8 whatever bytes a file name holds: bytes that
 * are not become U+FFFD. */
#include "cli/base/json.h"

#include "cli/base/utf8.h"

#include <inttypes.h>
#include <math.h>

/* Escapes what a terminal would not show as a character; the value stays the same. */
static void put_string(FILE *file, const char *text)
{
    fputc('"', file);
    while (*text) {
        const char *start = text;
        const long code = lic_utf8_next(&text);
        if (code < 0) {
            fputs("\\ufffd", file);
            text++;
        } else if (code == '"' || code == '\\') {
            fprintf(file, "\\%c", (int)code);
        } else if (!lic_utf8_is_shown(code)) { /* all of these have four digits at most */
            fprintf(file, "\\u%04lx", code);
        } else {
            fwrite(start, 1, (size_t)(text - start), file);
        }
    }
    fputc('"', file);
}

static void put_key(lic_json *json, const char *key)
{
    if (json->comma)
        fputs(", ", json->file);
    json->comma = true;
    if (!key) /* a member of a list */
        return;
    put_string(json->file, key);
    fputs(": ", json->file);
}

void lic_json_begin(lic_json *json, FILE *file)
{
    *json = (lic_json){.file = file};
    fputc('{', file);
}

void lic_json_open(lic_json *json, const char *key, char bracket)
{
    put_key(json, key);
    fputc(bracket, json->file);
    json->comma = false;
}

void lic_json_close(lic_json *json, char bracket)
{
    fputc(bracket, json->file);
    json->comma = true;
}

bool lic_json_end(lic_json *json)
{
    fputs("}\n", json->file);
    return fflush(json->file) == 0 && !ferror(json->file);
}

void lic_json_string(lic_json *json, const char *key, const char *value)
{
    put_key(json, key);
    put_string(json->file, value);
}

void lic_json_unsigned(lic_json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    fprintf(json->file, "%" PRIu64, value);
}

void lic_json_real(lic_json *json, const char *key, double value, int decimals)
{
    if (!isfinite(value)) {
        lic_json_null(json, key);
        return;
    }
    put_key(json, key);
    fprintf(json->file, "%.*f", decimals, value);
}

void lic_json_null(lic_json *json, const char *key)
{
    put_key(json, key);
    fputs("null", json->file);
}

void lic_json_hex(lic_json *json, const char *key, uint64_t value, int digits)
{
    put_key(json, key);
    fprintf(json->file, "\"%0*" PRIx64 "\"", digits, value);
}
