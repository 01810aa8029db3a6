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

/* Opens an object: the line itself, or a value under `key` of the object that is open. */
void lic_json_begin(lic_json *json, FILE *file);
void lic_json_begin_object(lic_json *json, const char *key);
void lic_json_end_object(lic_json *json);
/* Ends the line; false if writing failed. */
bool lic_json_end(lic_json *json);

/* Opens a list; its members are written with a NULL key. */
void lic_json_begin_array(lic_json *json, const char *key);
void lic_json_end_array(lic_json *json);

void lic_json_string(lic_json *json, const char *key, const char *value);
void lic_json_unsigned(lic_json *json, const char *key, uint64_t value);
void lic_json_real(lic_json *json, const char *key, double value, int decimals);
void lic_json_null(lic_json *json, const char *key);
/* A string of `digits` hexadecimal digits, since a 64-bit number does not fit JSON's usual
 * double. */
void lic_json_hex(lic_json *json, const char *key, uint64_t value, int digits);

#endif
