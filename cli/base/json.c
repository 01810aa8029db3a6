/* json.c - see json.h. Strings come out as valid UTF-8 whatever bytes a file name holds: bytes that
 * are not become U+FFFD. */
#include "cli/base/json.h"

#include <inttypes.h>
#include <math.h>

/* Bytes of the UTF-8 character at s, 0 if it is none. Overlong forms of two bytes, and lead bytes
 * past U+10FFFF, are refused by the range of the first byte; the rest is left to the reader. */
static int utf8_length(const unsigned char *s)
{
    int n = s[0] < 0x80   ? 1
            : s[0] < 0xC2 ? 0
            : s[0] < 0xE0 ? 2
            : s[0] < 0xF0 ? 3
            : s[0] < 0xF5 ? 4
                          : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static void put_string(FILE *file, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    fputc('"', file);
    while (*s) {
        int n = utf8_length(s);
        if (n == 0) {
            fputs("\\ufffd", file);
            s++;
        } else if (*s == '"' || *s == '\\') {
            fprintf(file, "\\%c", *s++);
        } else if (*s < 0x20) {
            fprintf(file, "\\u%04x", *s++);
        } else {
            fwrite(s, 1, (size_t)n, file);
            s += n;
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

void lic_json_begin_object(lic_json *json, const char *key)
{
    put_key(json, key);
    fputc('{', json->file);
    json->comma = false;
}

void lic_json_end_object(lic_json *json)
{
    fputc('}', json->file);
    json->comma = true;
}

void lic_json_begin_array(lic_json *json, const char *key)
{
    put_key(json, key);
    fputc('[', json->file);
    json->comma = false;
}

void lic_json_end_array(lic_json *json)
{
    fputc(']', json->file);
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
