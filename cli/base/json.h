/* json.h - writes one JSON object on one line. Keys are only ever added to what the program prints;
 * a number that JSON cannot hold (infinity) becomes null. */
#ifndef LIC_CLI_BASE_JSON_H
#define LIC_CLI_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct lic_json {
    FILE *file;
    bool comma; /* the next key needs one before it */
} lic_json;

/* Begins the line, which is an object. */
void lic_json_begin(lic_json *json, FILE *file);
/* Ends the line; false if writing failed. */
bool lic_json_end(lic_json *json);
/* Opens a value under `key`: an object, '{', or a list, '[', whose members have a NULL key. */
void lic_json_open(lic_json *json, const char *key, char bracket);
/* Closes it, with '}' or ']'. */
void lic_json_close(lic_json *json, char bracket);

void lic_json_string(lic_json *json, const char *key, const char *value);
void lic_json_unsigned(lic_json *json, const char *key, uint64_t value);
void lic_json_real(lic_json *json, const char *key, double value, int decimals);
void lic_json_null(lic_json *json, const char *key);
/* A string of `digits` hexadecimal digits, since a 64-bit number does not fit JSON's usual
 * double. */
void lic_json_hex(lic_json *json, const char *key, uint64_t value, int digits);

#endif
