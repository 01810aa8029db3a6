/* utf8.c - see utf8.h. */
#include "cli/base/utf8.h"

#include <string.h>

long lic_utf8_next(const char **text)
{
    static const long least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)*text;
    const int more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : -1;
    if (more < 0)
        return -1;
    long code = more ? *p & (0x3F >> more) : *p;
    for (int i = 1; i <= more; i++) {
        if (p[i] >> 6 != 2) /* also false at the final zero */
            return -1;
        code = code << 6 | (p[i] & 0x3F);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return -1;
    *text += 1 + more;
    return code;
}

bool lic_utf8_is_shown(long code)
{
    const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
    const bool separator = code == 0x2028 || code == 0x2029;
    const bool direction = code == 0x061C || code == 0x200E || code == 0x200F ||
                           (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    return !control && !separator && !direction;
}

/* Bytes of the next character if it may be shown; else 0, and a question mark stands for *skip
 * bytes. */
static size_t shown_bytes(const char *text, size_t *skip)
{
    const char *next = text;
    const long code = lic_utf8_next(&next);
    *skip = code < 0 ? 1 : (size_t)(next - text);
    return code >= 0 && lic_utf8_is_shown(code) ? *skip : 0;
}

void lic_utf8_clean(char *text)
{
    char *to = text;
    for (size_t skip; *text; text += skip) {
        const size_t bytes = shown_bytes(text, &skip);
        if (bytes)
            memmove(to, text, bytes);
        else
            *to = '?';
        to += bytes ? bytes : 1;
    }
    *to = 0;
}

/* Writes one character, or what stands for it. Returns how many bytes of the text it took. */
static size_t put_next(FILE *file, const char *text)
{
    size_t skip;
    const size_t bytes = shown_bytes(text, &skip);
    fwrite(bytes ? text : "?", 1, bytes ? bytes : 1, file);
    return skip;
}

void lic_utf8_put(FILE *file, const char *text)
{
    while (*text)
        text += put_next(file, text);
}

void lic_utf8_put_cell(FILE *file, const char *text, int characters, bool cut)
{
    int n = 0;
    for (; *text && (n < characters || !cut); n++)
        text += put_next(file, text);
    fprintf(file, "%*s", n < characters ? characters - n : 0, "");
}

void lic_utf8_put_csv(FILE *file, const char *text)
{
    const bool computed = *text && strchr("=+-@\t\r", *text);
    const bool quoted = computed || text[strcspn(text, ",;\"\n\r\t")] || *text == ' ';
    if (quoted)
        putc('"', file);
    if (computed)
        putc('\'', file);
    while (*text) {
        if (*text == '"')
            putc('"', file);
        if (*text == '\n')
            putc(*text++, file);
        else
            text += put_next(file, text);
    }
    if (quoted)
        putc('"', file);
}
