/* utf8.h - UTF-8 of unknown origin: file names, texts of pictures. What may be printed of it: no
 * control sequences reach a terminal, and no text is shown in another order than it has. */
#ifndef LIC_CLI_BASE_UTF8_H
#define LIC_CLI_BASE_UTF8_H

#include <stdbool.h>
#include <stdio.h>

/* The code point at *text, which moves behind it; -1 if there is none, and *text stays (RFC 3629:
 * the shortest form only, no surrogates, at most U+10FFFF). */
long lic_utf8_next(const char **text);
/* Whether a terminal shows it as a character and does nothing else: no C0, DEL or C1, no line or
 * paragraph separator, and none of those that change the direction of writing. */
bool lic_utf8_is_shown(long code);

/* In place: a question mark for whatever is not shown, and for each byte that is no UTF-8. */
void lic_utf8_clean(char *text);
/* The same, printed. */
void lic_utf8_put(FILE *file, const char *text);
/* The same in a table: blanks behind it up to so many characters; cut: no more than these. */
void lic_utf8_put_cell(FILE *file, const char *text, int characters, bool cut);

/* A field of CSV (RFC 4180): in quotes where it needs them, clean but for line ends. A name that a
 * spreadsheet would compute (=, +, -, @, tab) gets an apostrophe in front, which makes it text. */
void lic_utf8_put_csv(FILE *file, const char *text);

#endif
