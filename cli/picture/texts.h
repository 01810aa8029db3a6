/* texts.h - comments and other texts of a picture, as in the chunk `text` of codec/FORMAT.md: one
 * after another, each four strings ended by zero bytes: keyword, language, keyword in that
 * language, text. All are UTF-8; files have Latin-1 too. */
#ifndef LIC_CLI_PICTURE_TEXTS_H
#define LIC_CLI_PICTURE_TEXTS_H

#include "cli/picture/image_io.h"

typedef struct lic_text {
    const char *keyword, *language, *translated, *text; /* "" if there is none */
} lic_text;

/* The keyword that PNG has for what JPEG calls a comment. */
#define LIC_TEXT_COMMENT "Comment"

/* Appends a text; false if there is no memory. */
bool lic_texts_add(lic_blob *texts, const lic_text *text);
/* Reads the text at *at, which is 0 at first, and moves *at past it. False after the last one, and
 * if the bytes are not texts. The strings lie in the blob. */
bool lic_texts_next(const lic_blob *texts, size_t *at, lic_text *text);

/* Bytes that all texts of a picture may have together; the picture itself has fewer. */
#define LIC_TEXTS_MOST ((size_t)1 << 20)
/* The most texts: libraries take time with the square of their number. */
enum { LIC_TEXTS_MOST_NUMBER = 4000 };
/* Bytes of the first texts, up to this number; all if there are fewer. */
size_t lic_texts_within(const uint8_t *data, size_t bytes);

/* Adds a text to a picture, if the options want texts. What is too much is left out, with a
 * warning. */
lic_status lic_picture_add_text(lic_picture *picture, const lic_text *text,
                                const lic_read_options *options, lic_error *err);

/* Copies, by malloc, up to a zero byte; NULL if there is no memory. */
char *lic_utf8_of_latin1(const char *latin1, size_t bytes);
/* UTF-8 stays as it is; anything else is taken for Latin-1. */
char *lic_utf8_of_unknown(const char *text, size_t bytes);
/* In place; false, and nothing is changed, if it is not UTF-8 or has other characters. */
bool lic_latin1_of_utf8(char *text);

#endif
