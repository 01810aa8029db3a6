/* format.h - what each picture format provides for reader.c and writer.c, and what the formats
 * share. */
#ifndef LIC_CLI_PICTURE_FORMAT_H
#define LIC_CLI_PICTURE_FORMAT_H

#include "cli/picture/image_io.h"

/* A reader. open reads the head and sets picture->image but for its data, with 1 to 4 channels: 2
 * and 4 are those with alpha. What does not come row by row is read as a whole in the first call of
 * row; open sets *memory to what that will take. row is called once for each row. close takes NULL
 * as well. */
typedef struct lic_reader_format {
    bool (*is)(const uint8_t *head, size_t bytes); /* by the first 16 bytes of a file, or all */
    lic_status (*open)(lic_source *source, const lic_read_options *options, lic_picture *picture,
                       void **state, uint64_t *memory, lic_error *err);
    lic_status (*row)(void *state, void *row, lic_error *err);
    lic_status (*end)(void *state, lic_error *err);
    void (*close)(void *state);
    /* Called instead of end if a row has failed and the rest is given up: reads the metadata that
     * is there. NULL: there is none, or it is known already. */
    lic_status (*salvage)(void *state, lic_error *err);
} lic_reader_format;

/* A writer. channels is that of the rows, which may have alpha if has_alpha says so. */
typedef struct lic_writer_format {
    const char *name;
    bool has_alpha;
    lic_status (*open)(FILE *file, lic_picture *picture, uint32_t channels, void **state,
                       lic_error *err);
    lic_status (*row)(void *state, const void *row, lic_error *err);
    lic_status (*end)(void *state, lic_error *err);
    void (*close)(void *state);
} lic_writer_format;

typedef struct lic_format {
    const char *title, *suffix, *suffixes; /* "JPEG", "jpg", " jpg jpeg " */
    uint32_t max_depth;
    const lic_reader_format *reader;
    const lic_writer_format *writer;
} lic_format;

extern const lic_format lic_formats[]; /* by lic_picture_format; the first has nothing */

#define LIC_FORMAT_EXTERN(NAME, name, ...)                                                         \
    extern const lic_reader_format lic_##name##_reader_format;                                     \
    extern const lic_writer_format lic_##name##_writer;
LIC_FORMATS(LIC_FORMAT_EXTERN, LIC_FORMAT_EXTERN)

/* "WebP": kinds of files that are known by name only; NULL if it is none of them. */
const char *lic_picture_name_of_content(const uint8_t *data, size_t bytes);
/* Sets the shape if the size is within the limits, before any library takes memory for rows. */
lic_status lic_picture_set_shape(lic_picture *picture, uint64_t width, uint64_t height,
                                 uint32_t channels, uint32_t depth, const lic_read_options *options,
                                 lic_error *err);
/* Takes memory for the pixels of this shape. */
lic_status lic_picture_take_memory(lic_picture *picture, lic_error *err);
/* Whether what must be in memory as a whole is within the limit. */
lic_status lic_picture_check_memory(const char *what, uint64_t bytes,
                                    const lic_read_options *options, lic_error *err);
static inline bool lic_picture_wants(const lic_read_options *options, lic_meta kind)
{
    return options->metadata >> kind & 1;
}

/* Does metadata that unpacks to so many bytes from these hold nothing but filling? Then it is left
 * out: a small file may not become a large one, or take much memory. */
bool lic_picture_is_filling(uint64_t unpacked_bytes, uint64_t bytes);
/* Fails with LIC_ERR_MEMORY and a text. */
lic_status lic_picture_no_meta_memory(lic_error *err);
/* Adds a warning or note. Each is kept once, as far as there is room. */
__attribute__((format(printf, 2, 3))) void lic_picture_warn(lic_picture *picture,
                                                            const char *format, ...);
__attribute__((format(printf, 2, 3))) void lic_picture_note(lic_picture *picture,
                                                            const char *format, ...);

/* The first damage stays. */
void lic_picture_damaged(lic_picture *picture, const char *text);

static inline size_t lic_image_row_bytes(const lic_image *image, uint32_t channels)
{
    return (size_t)image->width * channels * (image->depth / 8);
}

#endif
