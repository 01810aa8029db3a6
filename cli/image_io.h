/* image_io.h - pictures from and to PNG, JPEG and PPM/PGM, in memory as the codec takes them.
 * What a file is decides its first bytes, never its name. Files are hostile: a damaged one is
 * refused with one line of text, and sizes are checked before memory is taken. */
#ifndef LIC_CLI_IMAGE_IO_H
#define LIC_CLI_IMAGE_IO_H

#include "codec/lic.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum lic_picture_format {
    LIC_FORMAT_NONE = 0, /* not chosen yet, or not known */
    LIC_FORMAT_PNG,
    LIC_FORMAT_JPEG,
    LIC_FORMAT_PPM /* P6, or P5 (PGM) for grey */
} lic_picture_format;

/* Side dimensions that the stream can hold. */
enum { LIC_MAX_SIDE = 65535 };

/* Metadata that travels with a picture; the order is that of the chunk types in image_io.c. */
typedef enum lic_meta { LIC_META_ICCP, LIC_META_EXIF, LIC_META_XMP, LIC_N_META } lic_meta;
enum { LIC_META_ALL = (1 << LIC_N_META) - 1 };

typedef enum lic_alpha { LIC_ALPHA_REFUSE = 0, LIC_ALPHA_DROP, LIC_ALPHA_BLEND } lic_alpha;

typedef struct lic_read_options {
    uint64_t max_pixels;
    unsigned metadata;     /* bit 1 << lic_meta: keep it */
    lic_alpha alpha;       /* for pictures that are not fully opaque */
    uint8_t background[3]; /* for LIC_ALPHA_BLEND */
} lic_read_options;

/* Followed by a zero byte that is not counted, so that text can be used as such. */
typedef struct lic_blob {
    uint8_t *data; /* NULL: there is none */
    size_t bytes;
} lic_blob;

typedef struct lic_picture {
    lic_image image; /* data by malloc, rows without gaps */
    lic_blob meta[LIC_N_META];
    char warning[160]; /* what a reader or writer had to leave out; "" if nothing */
} lic_picture;

/* Name of a type of metadata as --metadata has it, and its chunk type in a .lic stream. */
extern const char *const lic_picture_meta_names[LIC_N_META];
extern const char lic_picture_meta_chunks[LIC_N_META][5];

/* LIC_FORMAT_NONE if the bytes are none of the three. */
lic_picture_format lic_picture_sniff(const uint8_t *data, size_t bytes);
/* By suffix (".png"; case does not matter); LIC_FORMAT_NONE if it is none of ours. */
lic_picture_format lic_picture_format_of_name(const char *path);

/* After reading, the picture has 1 or 3 channels. Free it with lic_picture_free in any case. */
lic_status lic_picture_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                            lic_picture *picture, lic_error *err);
/* JPEG takes 8 bits only. */
lic_status lic_picture_write(FILE *file, lic_picture_format format, lic_picture *picture,
                             lic_error *err);
void lic_picture_free(lic_picture *picture);

/* For the readers: is the size within the limits? Before any library takes memory for rows of it. */
lic_status lic_picture_check_size(uint64_t width, uint64_t height, const lic_read_options *options,
                                  lic_error *err);
/* Sets the image's fields and takes its memory, after the limits are checked. */
lic_status lic_picture_alloc(lic_picture *picture, uint64_t width, uint64_t height,
                             uint32_t channels, uint32_t depth, const lic_read_options *options,
                             lic_error *err);
/* Keeps a copy, if the options want this kind and there is none yet. */
lic_status lic_picture_add_meta(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                                const lic_read_options *options, lic_error *err);
/* The first warning stays. */
__attribute__((format(printf, 2, 3))) void lic_picture_warn(lic_picture *picture,
                                                            const char *format, ...);

/* The formats, each in its own file; channels 2 and 4 (with alpha) may come out of the PNG reader.
 */
lic_status lic_png_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                        lic_picture *picture, lic_error *err);
lic_status lic_png_write(FILE *file, lic_picture *picture, lic_error *err);
lic_status lic_jpeg_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                         lic_picture *picture, lic_error *err);
lic_status lic_jpeg_write(FILE *file, lic_picture *picture, lic_error *err);
lic_status lic_pnm_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                        lic_picture *picture, lic_error *err);
lic_status lic_pnm_write(FILE *file, lic_picture *picture, lic_error *err);

#endif
