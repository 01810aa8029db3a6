/* format.h - what each picture format provides for reader.c and writer.c, and what the formats
 * share.
 *
 * libpng and libjpeg report errors through a call that must not return, so every step of a format
 * leaves by a jump when it fails. What must survive the jump lies in the state, never in the
 * function that is running. */
#ifndef LIC_CLI_PICTURE_FORMAT_H
#define LIC_CLI_PICTURE_FORMAT_H

#include "cli/picture/image_io.h"

#include <setjmp.h>

/* The first member of each format's own state. */
typedef struct lic_format_state {
    lic_picture *picture; /* also takes the warnings */
    const lic_read_options *options;
    lic_source *source; /* of a reader */
    FILE *file;         /* of a writer */
    int threads;        /* that a writer may use */
    uint32_t channels;  /* a writer's rows have; they have alpha only if the format does */
    uint64_t memory;    /* set by a reader's open: what all rows take if they are read at once */
    bool has_all_rows;  /* there is a part of each row, so one that failed may be asked for again */
    union {
        void *row; /* the one wanted */
        const void *written;
    };
    jmp_buf jump;
    const char *doing;   /* what the library's errors are called, "damaged PNG", */
    lic_status on_error; /* and what they are */
    bool no_memory;      /* an allocation failed: an error, whatever the library makes of it */
    lic_error *err;      /* of the step that is under way */
    lic_status status;   /* of a step that failed: then there is no other */
} lic_format_state;

/* A part of the work, run by lic_format_run. */
typedef void (*lic_format_step)(void *state);

/* A reader. open reads the head and sets picture->image but for its data, with 1 to 4 channels: 2
 * and 4 are those with alpha. row is called once for each row. */
typedef struct lic_reader_format {
    const char *doing;                             /* "damaged PNG" */
    size_t state_bytes;                            /* of a struct, zero at first */
    bool (*is)(const uint8_t *head, size_t bytes); /* by the first 16 bytes of a file, or all */
    lic_format_step open, row, end;
    /* Instead of end if a row has failed and the rest is given up: reads the metadata that is
     * there. NULL: there is none, or it is known already. */
    lic_format_step salvage;
    void (*close)(void *state); /* frees what the state holds; NULL: nothing */
} lic_reader_format;

typedef struct lic_writer_format {
    const char *name, *doing;
    size_t state_bytes;
    bool has_alpha;
    lic_format_step open, row, end;
    void (*close)(void *state);
} lic_writer_format;

/* Runs a step, NULL: none. After a failure only closing makes sense. */
lic_status lic_format_run(lic_format_state *state, lic_format_step step, lic_error *err);
/* These leave the step: with a status whose text is in *state->err; if the status is not LIC_OK;
 * with a text; with the library's own message. */
_Noreturn void lic_format_stop(lic_format_state *state, lic_status status);
void lic_format_check(lic_format_state *state, lic_status status);
__attribute__((format(printf, 3, 4))) _Noreturn void
lic_format_fail(lic_format_state *state, lic_status status, const char *format, ...);
_Noreturn void lic_format_library_failed(lic_format_state *state, const char *text);

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

/* What begins the APP1 of a JPEG, with the final zero. Texts of PNG have it too. */
#define LIC_APP1_EXIF_HEAD     "Exif\0"
#define LIC_APP1_XMP_HEAD      "http://ns.adobe.com/xap/1.0/"
#define LIC_APP1_XMP_MORE_HEAD "http://ns.adobe.com/xmp/extension/"

static inline size_t lic_image_row_bytes(const lic_image *image, uint32_t channels)
{
    return (size_t)image->width * channels * (image->depth / 8);
}

#endif
