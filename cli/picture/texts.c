/* texts.c - see texts.h. */
#include "cli/picture/texts.h"

#include "cli/base/utf8.h"
#include "cli/picture/format.h"

#include <stdlib.h>
#include <string.h>

/* ---- encodings ---- */

char *lic_utf8_of_latin1(const char *latin1, size_t bytes)
{
    const size_t n = strnlen(latin1, bytes);
    char *utf8 = n < SIZE_MAX / 2 ? malloc(2 * n + 1) : NULL;
    char *to = utf8;
    for (size_t i = 0; utf8 && i < n; i++) {
        const unsigned c = (unsigned char)latin1[i];
        if (c >= 0x80)
            *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    }
    if (utf8)
        *to = 0;
    return utf8;
}

/* Whether all characters of UTF-8 text are at most this one. */
static bool is_utf8_up_to(const char *text, long most)
{
    while (*text) {
        const long code = lic_utf8_next(&text);
        if (code < 0 || code > most)
            return false;
    }
    return true;
}

char *lic_utf8_of_unknown(const char *text, size_t bytes)
{
    const size_t n = strnlen(text, bytes);
    char *copy = malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    if (is_utf8_up_to(copy, 0x10FFFF))
        return copy;
    free(copy);
    return lic_utf8_of_latin1(text, bytes);
}

bool lic_latin1_of_utf8(char *text)
{
    if (!is_utf8_up_to(text, 0xFF))
        return false;
    char *to = text;
    for (const char *from = text; *from;)
        *to++ = (char)lic_utf8_next(&from);
    *to = 0;
    return true;
}

/* ---- the chunk ---- */

static size_t bytes_of(const lic_text *text)
{
    return strlen(text->keyword) + strlen(text->language) + strlen(text->translated) +
           strlen(text->text) + 4;
}

static uint8_t *put(uint8_t *to, const char *string)
{
    const size_t bytes = strlen(string) + 1;
    memcpy(to, string, bytes);
    return to + bytes;
}

bool lic_texts_add(lic_blob *texts, const lic_text *text)
{
    const size_t bytes = texts->bytes + bytes_of(text);
    uint8_t *data = realloc(texts->data, bytes + 1);
    if (!data)
        return false;
    uint8_t *end = put(data + texts->bytes, text->keyword);
    end = put(put(put(end, text->language), text->translated), text->text);
    *end = 0;
    *texts = (lic_blob){data, bytes};
    return true;
}

lic_status lic_picture_add_text(lic_picture *picture, const lic_text *text,
                                const lic_read_options *options, lic_error *err)
{
    lic_blob *texts = &picture->meta[LIC_META_TEXT];
    if (!lic_picture_wants(options, LIC_META_TEXT))
        return LIC_OK;
    if (++picture->n_texts > LIC_TEXTS_MOST_NUMBER)
        lic_picture_warn(picture, "more than %d texts: the others are left out",
                         LIC_TEXTS_MOST_NUMBER);
    else if (texts->bytes + bytes_of(text) > LIC_TEXTS_MOST)
        lic_picture_warn(picture, "text '%.40s' is left out: more than 1 MiB of texts",
                         text->keyword);
    else if (!lic_texts_add(texts, text))
        return lic_picture_no_meta_memory(err);
    return LIC_OK;
}

size_t lic_texts_within(const uint8_t *data, size_t bytes)
{
    const uint8_t *end = data + bytes, *at = data;
    for (int zeros = 0; zeros < 4 * LIC_TEXTS_MOST_NUMBER; zeros++) {
        at = memchr(at, 0, (size_t)(end - at));
        if (!at)
            return bytes;
        at++;
    }
    return (size_t)(at - data);
}

bool lic_texts_next(const lic_blob *texts, size_t *at, lic_text *text)
{
    const char *strings[4];
    size_t next = *at;
    for (int i = 0; i < 4; i++) {
        const size_t left = texts->bytes - next;
        if (!left || !memchr(texts->data + next, 0, left))
            return false;
        strings[i] = (const char *)texts->data + next;
        next += strlen(strings[i]) + 1;
    }
    *at = next;
    *text = (lic_text){strings[0], strings[1], strings[2], strings[3]};
    return true;
}
