/* image_io.h - pictures from and to PNG, JPEG and PPM/PGM, row by row, so that memory is bounded by
 * the width of a picture, or whole. The first bytes decide the format, never the name. Files are
 * hostile: a damaged one is refused with one line of text, and sizes are checked before memory is
 * taken. */
#ifndef LIC_CLI_PICTURE_IMAGE_IO_H
#define LIC_CLI_PICTURE_IMAGE_IO_H

#include "cli/picture/source.h"
#include "codec/lic.h"

#include <stdbool.h>
#include <stdio.h>

/* Every format: its names, its suffix and others that mean it, the most bits per sample. Its
 * reader and writer are lic_NAME_reader_format and lic_NAME_writer (format.h). FIRST takes the
 * first row. */
#define LIC_FORMATS(FIRST, ROW)                                                                    \
    FIRST(PNG, png, "PNG", "png", "apng", 16)                                                      \
    ROW(JPEG, jpeg, "JPEG", "jpg", "jpeg jpe jif jfif jfi", 8)                                     \
    ROW(PPM, pnm, "PPM, PGM, PBM", "ppm", "pgm pbm pnm", 16)

#define LIC_FORMAT_NUMBER(NAME, ...) LIC_FORMAT_##NAME,
typedef enum lic_picture_format {
    LIC_FORMAT_NONE = 0, /* not chosen yet, or not known */
    LIC_FORMATS(LIC_FORMAT_NUMBER, LIC_FORMAT_NUMBER)
} lic_picture_format;

/* For texts: "PNG, JPEG", "png,jpg" and "png apng jpg". */
#define LIC_FORMAT_TITLE(NAME, name, title, ...)                    title
#define LIC_FORMAT_TITLE_NEXT(NAME, name, title, ...)               ", " title
#define LIC_FORMAT_SUFFIX(NAME, name, title, suffix, ...)           suffix
#define LIC_FORMAT_SUFFIX_NEXT(NAME, name, title, suffix, ...)      "," suffix
#define LIC_FORMAT_WORDS(NAME, name, title, suffix, more, ...)      suffix " " more
#define LIC_FORMAT_WORDS_NEXT(NAME, name, title, suffix, more, ...) " " suffix " " more
#define LIC_FORMAT_TITLES                                           LIC_FORMATS(LIC_FORMAT_TITLE, LIC_FORMAT_TITLE_NEXT)
#define LIC_FORMAT_SUFFIXES                                         LIC_FORMATS(LIC_FORMAT_SUFFIX, LIC_FORMAT_SUFFIX_NEXT)
#define LIC_FORMAT_ALL_SUFFIXES                                     LIC_FORMATS(LIC_FORMAT_WORDS, LIC_FORMAT_WORDS_NEXT)

/* Side dimensions that the stream can hold. */
enum { LIC_MAX_SIDE = 65535 };

/* Metadata that travels with a picture; the order is that of the chunk types in metadata.c. */
typedef enum lic_meta {
    LIC_META_ICCP,
    LIC_META_EXIF,
    LIC_META_XMP,
    LIC_META_IPTC,       /* data sets, see iptc.h */
    LIC_META_TEXT,       /* comments and other texts, see texts.h */
    LIC_META_COLOUR,     /* colour.h */
    LIC_META_RESOLUTION, /* a pHYs of PNG, 9 bytes */
    LIC_N_META
} lic_meta;
/* A set of them has a bit 1 << kind for each. EXIF that is not wanted leaves its orientation behind
 * where that is: without it photographs lie on their side. */
enum {
    LIC_META_ORIENTATION = 1 << LIC_N_META,
    LIC_META_ALL = (1 << (LIC_N_META + 1)) - 1,
    /* What a picture needs to be shown as intended. */
    LIC_META_LOOK = 1 << LIC_META_ICCP | 1 << LIC_META_COLOUR | LIC_META_ORIENTATION
};

/* What happens to alpha. */
typedef enum lic_alpha {
    LIC_ALPHA_REFUSE = 0, /* the picture, unless it is opaque */
    LIC_ALPHA_DROP,
    LIC_ALPHA_BLEND,
    LIC_ALPHA_KEEP
} lic_alpha;

typedef struct lic_read_options {
    uint64_t max_pixels;
    unsigned metadata; /* a set of lic_meta, to keep */
    lic_alpha alpha;
    uint8_t background[3]; /* for LIC_ALPHA_BLEND */
    uint64_t max_memory;   /* for what cannot come row by row; 0: LIC_READ_MEMORY of files.h */
    bool salvage;          /* read what is left of a damaged file; see the picture's damage */
} lic_read_options;

/* Followed by a zero byte that is not counted, so that text can be used as such. */
typedef struct lic_blob {
    uint8_t *data; /* NULL: there is none */
    size_t bytes;
} lic_blob;

typedef struct lic_picture {
    /* 1 to 4 channels: 2 and 4 are those with alpha. data: by malloc, rows without gaps; or NULL,
     * row by row */
    lic_image image;
    lic_blob meta[LIC_N_META];
    uint32_t n_texts;    /* that were to be kept so far */
    char warning[640];   /* what a reader or writer had to leave out, by line; "" if nothing */
    char note[640];      /* the same, of less weight */
    char damage[160];    /* what was salvaged from; "" if the file was whole */
    uint32_t whole_rows; /* then: rows from the top that were certainly whole */
} lic_picture;

/* Name of a type of metadata as --metadata has it, and its chunk type in a .lic stream. */
extern const char *const lic_picture_meta_names[LIC_N_META];
extern const char lic_picture_meta_chunks[LIC_N_META][5];

/* LIC_FORMAT_NONE if the bytes are none of them. */
lic_picture_format lic_picture_sniff(const uint8_t *data, size_t bytes);
/* By suffix (".png"; case does not matter); LIC_FORMAT_NONE if it is none of ours. */
lic_picture_format lic_picture_format_of_name(const char *path);
lic_picture_format lic_picture_format_of_suffix(const char *suffix); /* "png", without its point */

/* Row by row: once open, picture->image has the shape. After the last row, lic_reader_end reads
 * what follows the rows; only then the picture has its metadata. source and picture must outlive
 * the reader; lic_picture_free frees the picture in any case. Opening takes little memory;
 * lic_reader_memory tells what reading may take besides a few rows. */
typedef struct lic_reader lic_reader;
lic_status lic_reader_open(lic_source *source, const lic_read_options *options,
                           lic_picture *picture, lic_reader **reader, lic_error *err);
uint64_t lic_reader_memory(const lic_reader *reader);
lic_status lic_reader_rows(lic_reader *reader, uint32_t n_rows, void *rows, size_t stride_bytes,
                           lic_error *err);
lic_status lic_reader_end(lic_reader *reader, lic_error *err);
void lic_reader_close(lic_reader *reader);

/* The same for writing: shape and metadata come from the picture, rows are passed in. Only the
 * options on alpha are used. JPEG takes only 8 bits. */
typedef struct lic_writer lic_writer;
lic_status lic_writer_open(FILE *file, lic_picture_format format, lic_picture *picture,
                           const lic_read_options *options, lic_writer **writer, lic_error *err);
/* Before the first row: so many may compress rows (at first 1). It does not change a byte. */
void lic_writer_use_threads(lic_writer *writer, int threads);
lic_status lic_writer_rows(lic_writer *writer, uint32_t n_rows, const void *rows,
                           size_t stride_bytes, lic_error *err);
lic_status lic_writer_end(lic_writer *writer, lic_error *err);
void lic_writer_close(lic_writer *writer);

/* Whole pictures. */
lic_status lic_picture_read_source(lic_source *source, const lic_read_options *options,
                                   lic_picture *picture, lic_error *err);
lic_status lic_picture_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                            lic_picture *picture, lic_error *err);
lic_status lic_picture_write(FILE *file, lic_picture_format format, lic_picture *picture,
                             lic_error *err);
/* Treats a picture with alpha as reading does by these options: refuses, drops or blends. */
lic_status lic_picture_flatten(lic_picture *picture, const lic_read_options *options,
                               lic_error *err);
void lic_picture_free(lic_picture *picture);

/* Checks that sides are at most LIC_MAX_SIDE, and that the picture (also of a .lic file) is within
 * max_pixels. */
lic_status lic_picture_check_pixels(uint64_t width, uint64_t height,
                                    const lic_read_options *options, lic_error *err);
/* Sets the image's fields and takes its memory, after the limits are checked. */
lic_status lic_picture_alloc(lic_picture *picture, uint64_t width, uint64_t height,
                             uint32_t channels, uint32_t depth, const lic_read_options *options,
                             lic_error *err);
/* Prints warnings and notes about this file. */
void lic_picture_say(const lic_picture *picture, const char *path);

/* ---- metadata.c ---- */

/* Keeps a copy, if the options want this kind and there is none yet. EXIF may leave its orientation
 * only; XMP that promises what a .lic file has no place for (a gain map) is left out, and so is a
 * profile that is not for RGB or grey. */
lic_status lic_picture_add_meta(lic_picture *picture, lic_meta kind, const void *data, size_t bytes,
                                const lic_read_options *options, lic_error *err);
/* The same from a chunk of a .lic file; does nothing if its type is not metadata of pictures. What
 * unpacks to much more than it takes in the file is left out. */
lic_status lic_picture_add_chunk(lic_picture *picture, const lic_chunk *chunk,
                                 const lic_read_options *options, lic_error *err);
/* Its EXIF's, 1 to 8; 1 if there is none. */
uint32_t lic_picture_orientation(const lic_picture *picture);
/* Memory that the picture's metadata takes: a writer's library copies it, and may pack the copy. */
enum { LIC_META_COPIES = 3 };
uint64_t lic_picture_metadata_bytes(const lic_picture *picture);
/* For a part or a reduced copy, width x height: removes thumbnails of the whole and changes the
 * sides. */
lic_status lic_picture_fit_metadata(lic_picture *picture, uint32_t width, uint32_t height,
                                    lic_error *err);

#endif
