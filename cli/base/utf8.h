/* utf8.h - makes UTF-8 of unknown origin (file names, texts of pictures) safe to print: no control
 * sequences reach a terminal, and nothing changes the order in which text is shown. */
#ifndef LIC_CLI_BASE_UTF8_H
#define LIC_CLI_BASE_UTF8_H

#include <stdbool.h>
#include <stdio.h>

/* The code point at *text, which moves past it; -1 if there is none, and *text stays (RFC 3629: the
 * shortest form only, no surrogates, at most U+10FFFF). */
long lic_utf8_next(const char **text);
/* Whether a terminal shows it as a character and does nothing else: no C0, DEL or C1, no line or
 * paragraph separator, and none of those that change the direction of writing. */
bool lic_utf8_is_shown(long code);

/* In place: a question mark for what may not be shown, and for each byte that is not UTF-8. */
void lic_utf8_clean(char *text);
/* The same, printed. */
void lic_utf8_put(FILE *file, const char *text);
/* The same in a table, padded with blanks to this many characters; cut: and never more than
 * these. */
void lic_utf8_put_cell(FILE *file, const char *text, int characters, bool cut);

/* A field of CSV (RFC 4180), in quotes if it needs them, cleaned as above except for line ends. A
 * name that a spreadsheet would compute (=, +, -, @, tab) gets an apostrophe in front, which makes
 * it text. */
void lic_utf8_put_csv(FILE *file, const char *text);

#endif
