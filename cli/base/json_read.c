/* json_read.c - see json_read.h. Recursive descent over a copy of the text that ends in a zero
 * byte; strings are unescaped in place. Values lie in one array whose size is known beforehand,
 * because every value but the root follows a bracket, a comma or a colon. */
#include "cli/base/json_read.h"

#include "cli/base/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_BYTES = 16 << 20 };

struct reader {
    lic_json_document *document;
    char *at;
    size_t n_values;
    int depth;
    lic_error *err;
};

static bool fail(struct reader *r, const char *what)
{
    size_t line = 1;
    for (const char *c = r->document->text; c < r->at; c++)
        line += *c == '\n';
    lic_report_fail(r->err, LIC_ERR_CORRUPT, "JSON, line %zu: %s", line, what);
    return false;
}

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
        r->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- strings ---- */

/* Four hexadecimal digits; -1 if they are not. */
static long read_hex(const char *s)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        char c = s[i] >= 'A' && s[i] <= 'F' ? (char)(s[i] - 'A' + 'a') : s[i];
        const char *digit = c ? strchr(digits, c) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (digit - digits);
    }
    return value;
}

static char *put_utf8(char *out, long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int heads[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(heads[more] | (int)(c >> (6 * more)));
    while (more-- > 0)
        *out++ = (char)(0x80 | (int)(c >> (6 * more) & 0x3F));
    return out;
}

/* "\u0041" or a pair of surrogates, r->at after the u. The result is never longer than what it
 * replaces. */
static bool read_unicode(struct reader *r, char **out)
{
    long c = read_hex(r->at), low;
    if (c <= 0 || (c >= 0xDC00 && c <= 0xDFFF))
        return fail(r, "bad \\u escape");
    r->at += 4;
    if (c >= 0xD800 && c <= 0xDBFF) {
        low = r->at[0] == '\\' && r->at[1] == 'u' ? read_hex(r->at + 2) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(r, "half a surrogate pair");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        r->at += 6;
    }
    *out = put_utf8(*out, c);
    return true;
}

/* r->at on the opening quote. */
static bool read_string(struct reader *r, const char **text)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char *out = ++r->at;
    *text = out;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return fail(r, "a string does not end");
        if (*r->at != '\\') {
            *out++ = *r->at++;
            continue;
        }
        r->at++;
        const char *name = *r->at ? strchr(names, *r->at) : NULL;
        if (!name && *r->at != 'u')
            return fail(r, "unknown escape in a string");
        r->at++;
        if (name)
            *out++ = meanings[name - names];
        else if (!read_unicode(r, &out))
            return false;
    }
    r->at++;
    *out = 0; /* on the closing quote at the latest */
    return true;
}

/* ---- values ---- */

static bool read_number(struct reader *r, double *number)
{
    char *s = r->at;
    s += *s == '-';
    if (!is_digit(*s))
        return fail(r, "a value is expected");
    if (*s == '0' && is_digit(s[1]))
        return fail(r, "a number starts with 0");
    while (is_digit(*s))
        s++;
    if (*s == '.') {
        if (!is_digit(*++s))
            return fail(r, "a digit is expected after the point");
        while (is_digit(*s))
            s++;
    }
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        if (!is_digit(*s))
            return fail(r, "a digit is expected in the exponent");
        while (is_digit(*s))
            s++;
    }
    *number = strtod(r->at, NULL);
    if (!isfinite(*number))
        return fail(r, "a number is too large");
    r->at = s;
    return true;
}

static bool read_word(struct reader *r, lic_json_value *v)
{
    static const struct {
        const char *word;
        lic_json_type type;
        double number;
    } words[] = {
        {"null", LIC_JSON_NULL, 0}, {"true", LIC_JSON_BOOL, 1}, {"false", LIC_JSON_BOOL, 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].word);
        if (strncmp(r->at, words[i].word, n) != 0)
            continue;
        v->type = words[i].type;
        v->number = words[i].number;
        r->at += n;
        return true;
    }
    v->type = LIC_JSON_NUMBER;
    return read_number(r, &v->number);
}

static lic_json_value *read_value(struct reader *r);

/* The key and the colon of an object's member. */
static bool read_key(struct reader *r, const char **key)
{
    skip_blanks(r);
    if (*r->at != '"')
        return fail(r, "a name in quotes is expected");
    if (!read_string(r, key))
        return false;
    skip_blanks(r);
    if (*r->at != ':')
        return fail(r, "a colon is expected");
    r->at++;
    return true;
}

/* r->at is after the opening bracket. */
static bool read_children(struct reader *r, lic_json_value *v, char close)
{
    const lic_json_value **link = &v->child;
    skip_blanks(r);
    if (*r->at == close) {
        r->at++;
        return true;
    }
    for (;;) {
        const char *key = NULL;
        if (close == '}' && !read_key(r, &key))
            return false;
        lic_json_value *child = read_value(r);
        if (!child)
            return false;
        child->key = key;
        *link = child;
        link = &child->next;
        v->n_children++;
        skip_blanks(r);
        if (*r->at != ',' && *r->at != close)
            return fail(r, close == '}' ? "a comma or } is expected" : "a comma or ] is expected");
        if (*r->at++ == close)
            return true;
    }
}

static lic_json_value *read_value(struct reader *r)
{
    lic_json_value *v = &r->document->values[r->n_values++];
    bool ok;
    *v = (lic_json_value){0};
    skip_blanks(r);
    if (*r->at == '"') {
        v->type = LIC_JSON_STRING;
        ok = read_string(r, &v->text);
    } else if (*r->at == '[' || *r->at == '{') {
        char close = *r->at == '[' ? ']' : '}';
        v->type = close == ']' ? LIC_JSON_ARRAY : LIC_JSON_OBJECT;
        r->at++;
        ok = ++r->depth <= MAX_DEPTH ? read_children(r, v, close) : fail(r, "is nested too deeply");
        r->depth--;
    } else {
        ok = read_word(r, v);
    }
    return ok ? v : NULL;
}

static bool read_document(struct reader *r, size_t bytes)
{
    lic_json_value *root = read_value(r);
    if (!root)
        return false;
    skip_blanks(r);
    if (r->at != r->document->text + bytes) /* a zero byte in the text stops here as well */
        return fail(r, "something follows the value");
    r->document->root = root;
    return true;
}

lic_status lic_json_read(const void *data, size_t bytes, lic_json_document *document,
                         lic_error *err)
{
    const char *text = data;
    size_t most = 1;
    *document = (lic_json_document){0};
    if (bytes > MAX_BYTES)
        return lic_report_fail(err, LIC_ERR_LIMIT, "is too large for a file of results");
    for (size_t i = 0; i < bytes; i++)
        most += text[i] == '[' || text[i] == '{' || text[i] == ',' || text[i] == ':';
    document->text = malloc(bytes + 1);
    document->values = malloc(most * sizeof *document->values);
    if (!document->text || !document->values)
        return lic_report_fail(err, LIC_ERR_MEMORY, "no memory to read JSON");
    memcpy(document->text, text, bytes);
    document->text[bytes] = 0;
    struct reader r = {.document = document, .at = document->text, .err = err};
    return read_document(&r, bytes) ? LIC_OK : err->status;
}

void lic_json_free(lic_json_document *document)
{
    free(document->text);
    free(document->values);
    *document = (lic_json_document){0};
}

const lic_json_value *lic_json_find(const lic_json_value *object, const char *key)
{
    if (!object || object->type != LIC_JSON_OBJECT)
        return NULL;
    for (const lic_json_value *v = object->child; v; v = v->next)
        if (strcmp(v->key, key) == 0)
            return v;
    return NULL;
}
