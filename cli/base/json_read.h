/* json_read.h - reads a JSON text (RFC 8259) into a tree. Strict: no comments, no trailing commas,
 * no NaN, nothing after the value. Texts are hostile: depth, size and every escape are checked, and
 * errors give the line. A text larger than any file of results is refused. */
#ifndef LIC_CLI_BASE_JSON_READ_H
#define LIC_CLI_BASE_JSON_READ_H

#include "codec/lic.h"

#include <stdbool.h>

typedef enum lic_json_type {
    LIC_JSON_NULL,
    LIC_JSON_BOOL, /* number is 0 or 1 */
    LIC_JSON_NUMBER,
    LIC_JSON_STRING,
    LIC_JSON_ARRAY,
    LIC_JSON_OBJECT
} lic_json_type;

typedef struct lic_json_value {
    lic_json_type type;
    const char *key;  /* of a member of an object, else NULL */
    const char *text; /* of a string; without zero bytes, as those are refused */
    double number;
    size_t n_children;
    const struct lic_json_value *child; /* the first of an array or object, or NULL */
    const struct lic_json_value *next;  /* in the same array or object */
} lic_json_value;

typedef struct lic_json_document {
    char *text;
    lic_json_value *values;
    const lic_json_value *root;
} lic_json_document;

/* The bytes are copied. Free the document in any case. */
lic_status lic_json_read(const void *data, size_t bytes, lic_json_document *document,
                         lic_error *err);
void lic_json_free(lic_json_document *document);

/* The first member of this name; NULL if there is none, or if `object` is NULL or no object. */
const lic_json_value *lic_json_find(const lic_json_value *object, const char *key);

#endif
