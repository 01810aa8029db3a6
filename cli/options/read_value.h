/* read_value.h - numbers and words of the command line. Numbers are plain decimals: no blanks, no
 * signs, no exponents, nothing after them. */
#ifndef LIC_CLI_OPTIONS_READ_VALUE_H
#define LIC_CLI_OPTIONS_READ_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lic_choice {
    const char *name;
    int value;
} lic_choice;

/* False if the text of n bytes is none of the choices (which end with a NULL name). */
bool lic_read_choice(const lic_choice *choices, const char *text, size_t n, int *value);
/* Reads a number at the beginning of the text: digits, or digits with a point among or beside them.
 * Returns what follows it, or NULL if there is no number from least to most. */
const char *lic_read_digits(const char *text, long least, long most, long *value);
const char *lic_read_decimal(const char *text, double least, double most, double *value);

/* The same for a text that is a number and nothing else. */
bool lic_read_whole(const char *text, long least, long most, long *value);
bool lic_read_real(const char *text, double least, double most, double *value);
/* "12", "1.5G", "256Mi": k, M, G, T are thousands; with i they are 1024s. */
bool lic_read_amount(const char *text, uint64_t *value);

/* "auto, 8 or 16" for "auto,8,16": valid until the next call. */
const char *lic_any_of(const char *list);

#endif
