/* png.c - PNG through libpng. Every libpng error ends in a longjmp to the guard below; what must
 * survive it lies in a struct of the caller, never in the function that calls setjmp. */
#include "cli/image_io.h"
#include "cli/report.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* The keyword that Adobe's XMP specification (part 3, 1.1.5) gives the iTXt chunk. */
#define XMP_KEYWORD "XML:com.adobe.xmp"

/* Of zlib. The default, 6, takes 94 ms for a decoded 768x512 photograph, 4 takes 35 ms for 3 % more
 * bytes. */
enum { WRITE_LEVEL = 4 };

/* What a compressed chunk (ICC profile, XMP) may grow to, a thousandfold, and how many libpng may keep:
 * the product bounds the memory that a small file can take. */
enum { MAX_CHUNK_BYTES = 16 << 20, MAX_CHUNKS = 16 };

struct png_job {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    const uint8_t *data; /* reading */
    size_t bytes, at;
    const lic_read_options *options;
    png_bytepp rows;
    FILE *file; /* writing */
    lic_picture *picture;
    lic_error *err;
    lic_status status;
};

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_job *job = png_get_error_ptr(png);
    job->status = job->file
                      ? lic_report_fail(job->err, LIC_REPORT_ERR_IO, "cannot write PNG: %s", text)
                      : lic_report_fail(job->err, LIC_ERR_CORRUPT, "damaged PNG: %s", text);
    longjmp(job->jump, 1);
}

static _Noreturn void stop(struct png_job *job, lic_status status)
{
    job->status = status;
    longjmp(job->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    struct png_job *job = png_get_error_ptr(png);
    lic_picture_warn(job->picture, "PNG: %s", text);
}

static bool guarded(struct png_job *job, void (*work)(struct png_job *))
{
    if (setjmp(job->jump) != 0)
        return false;
    work(job);
    return true;
}

static bool make_rows(struct png_job *job)
{
    const lic_image *image = &job->picture->image;
    job->rows = malloc(image->height * sizeof *job->rows);
    for (uint32_t y = 0; job->rows && y < image->height; y++)
        job->rows[y] = (png_bytep)image->data + y * image->stride_bytes;
    return job->rows != NULL;
}

/* Samples of 16 bits are big-endian in the file and native in memory. */
static void native_order(png_structp png)
{
    const uint16_t one = 1;
    if (*(const uint8_t *)&one)
        png_set_swap(png);
}

/* ---- reading ---- */

static void read_bytes(png_structp png, png_bytep out, size_t bytes)
{
    struct png_job *job = png_get_io_ptr(png);
    if (bytes > job->bytes - job->at)
        png_error(png, "the file ends too early");
    memcpy(out, job->data + job->at, bytes);
    job->at += bytes;
}

static void keep(struct png_job *job, lic_meta kind, const void *data, size_t bytes)
{
    lic_status status =
        lic_picture_add_meta(job->picture, kind, data, bytes, job->options, job->err);
    if (status != LIC_OK)
        stop(job, status);
}

static void read_metadata(struct png_job *job)
{
    png_charp name;
    png_bytep data;
    png_textp texts;
    png_uint_32 bytes;
    int method, n = 0;
    if (png_get_iCCP(job->png, job->info, &name, &method, &data, &bytes))
        keep(job, LIC_META_ICCP, data, bytes);
    if (png_get_eXIf_1(job->png, job->info, &bytes, &data))
        keep(job, LIC_META_EXIF, data, bytes);
    png_get_text(job->png, job->info, &texts, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(texts[i].key, XMP_KEYWORD) == 0)
            keep(job, LIC_META_XMP, texts[i].text,
                 texts[i].itxt_length ? texts[i].itxt_length : texts[i].text_length);
}

/* Palette and 1, 2, 4 bits become 8 bits; a transparent colour becomes an alpha channel. */
static void set_transforms(struct png_job *job)
{
    png_set_expand(job->png);
    native_order(job->png);
    png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
}

/* The only chunk of an animation that matters here: its number of frames. */
static int on_unknown(png_structp png, png_unknown_chunkp chunk)
{
    struct png_job *job = png_get_user_chunk_ptr(png);
    if (memcmp(chunk->name, "acTL", 4) == 0 && chunk->size >= 4 && png_get_uint_32(chunk->data) > 1)
        stop(job, lic_report_fail(job->err, LIC_ERR_UNSUPPORTED,
                                  "is an animated PNG; lic takes single pictures"));
    return 1;
}

/* libpng takes the memory that a chunk's length promises before it sees that the file is shorter: a
 * hundred bytes cost gigabytes. So all chunks up to IEND must lie in the file. */
static bool chunks_fit(const uint8_t *data, size_t bytes)
{
    for (size_t at = 8; bytes - at >= 12;) {
        size_t length = png_get_uint_32(data + at);
        if (length > bytes - at - 12)
            return false;
        if (memcmp(data + at + 4, "IEND", 4) == 0)
            return true;
        at += length + 12;
    }
    return false;
}

static void read_all(struct png_job *job)
{
    static const png_byte unwanted[] = "tEXt\0zTXt\0sPLT"; /* names of 5 bytes, zero included */
    png_structp png = job->png;
    if (!chunks_fit(job->data, job->bytes))
        png_error(png, "the file ends too early");
    png_set_read_fn(png, job, read_bytes);
    png_set_user_limits(png, 0x7FFFFFFF, 0x7FFFFFFF); /* ours, below, name the sizes */
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(png, MAX_CHUNKS);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, unwanted, sizeof unwanted / 5);
    png_set_read_user_chunk_fn(png, job, on_unknown);
    png_read_info(png, job->info);
    /* set_transforms() makes libpng clear a whole row. */
    lic_status status =
        lic_picture_check_size(png_get_image_width(png, job->info),
                               png_get_image_height(png, job->info), job->options, job->err);
    if (status != LIC_OK)
        stop(job, status);
    set_transforms(job);
    status =
        lic_picture_alloc(job->picture, png_get_image_width(png, job->info),
                          png_get_image_height(png, job->info), png_get_channels(png, job->info),
                          png_get_bit_depth(png, job->info), job->options, job->err);
    if (status != LIC_OK)
        stop(job, status);
    if (!make_rows(job))
        stop(job, lic_report_fail(job->err, LIC_ERR_MEMORY, "no memory for PNG rows"));
    png_read_image(png, job->rows);
    png_read_end(png, job->info);
    read_metadata(job);
}

lic_status lic_png_read(const uint8_t *data, size_t bytes, const lic_read_options *options,
                        lic_picture *picture, lic_error *err)
{
    struct png_job job = {
        .data = data, .bytes = bytes, .options = options, .picture = picture, .err = err};
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (!job.info)
        job.status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for libpng");
    else
        guarded(&job, read_all);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    return job.status;
}

/* ---- writing ---- */

static void write_bytes(png_structp png, png_bytep data, size_t bytes)
{
    struct png_job *job = png_get_io_ptr(png);
    if (fwrite(data, 1, bytes, job->file) != bytes)
        stop(job, lic_report_fail(job->err, LIC_REPORT_ERR_IO, "cannot write the PNG file"));
}

static void flush_bytes(png_structp png)
{
    (void)png; /* whoever opened the file flushes it */
}

static void write_metadata(struct png_job *job)
{
    lic_blob *meta = job->picture->meta;
    if (meta[LIC_META_ICCP].data)
        png_set_iCCP(job->png, job->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE,
                     meta[LIC_META_ICCP].data, (png_uint_32)meta[LIC_META_ICCP].bytes);
    if (meta[LIC_META_EXIF].data)
        png_set_eXIf_1(job->png, job->info, (png_uint_32)meta[LIC_META_EXIF].bytes,
                       meta[LIC_META_EXIF].data);
    if (meta[LIC_META_XMP].data) {
        png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE,
                         .key = (char[]){XMP_KEYWORD},
                         .text = (char *)meta[LIC_META_XMP].data,
                         .lang = (char[]){""},
                         .lang_key = (char[]){""}};
        png_set_text(job->png, job->info, &text, 1);
    }
}

static void write_all(struct png_job *job)
{
    const lic_image *image = &job->picture->image;
    png_set_write_fn(job->png, job, write_bytes, flush_bytes);
    png_set_user_limits(job->png, 0x7FFFFFFF, 0x7FFFFFFF);
    png_set_benign_errors(job->png, 1); /* a profile that libpng dislikes costs a warning */
    png_set_IHDR(job->png, job->info, image->width, image->height, (int)image->depth,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(job->png, WRITE_LEVEL);
    write_metadata(job);
    png_write_info(job->png, job->info);
    native_order(job->png);
    if (!make_rows(job))
        stop(job, lic_report_fail(job->err, LIC_ERR_MEMORY, "no memory for PNG rows"));
    png_write_image(job->png, job->rows);
    png_write_end(job->png, NULL); /* with the info, libpng 1.6.39 writes eXIf a second time */
}

lic_status lic_png_write(FILE *file, lic_picture *picture, lic_error *err)
{
    struct png_job job = {.file = file, .picture = picture, .err = err};
    job.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (!job.info)
        job.status = lic_report_fail(err, LIC_ERR_MEMORY, "no memory for libpng");
    else
        guarded(&job, write_all);
    png_destroy_write_struct(&job.png, &job.info);
    free(job.rows);
    return job.status;
}
