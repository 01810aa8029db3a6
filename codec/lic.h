/* lic.h - the public interface of liblic, a learned image codec.
 *
 * The codec follows S2LIC (arXiv 2403.14471) and FEDS (arXiv 2503.06399). A picture goes in, a .lic
 * stream comes out, and back; the networks are in a weights file (.licw) that both sides must have.
 *
 * Rules that hold for every call:
 *  - The library never prints, never exits and never aborts on input. Every call that can fail
 * returns a lic_status; `err`, where given (it may be NULL), receives one line of text for a
 * person.
 *  - Threads: a lic_model is immutable once opened and may be shared by any number of threads. A
 *    lic_encoder or lic_decoder belongs to one thread at a time. The same input, model and options
 *    give the same bytes and the same pixels on every machine and for any number of threads, as
 * long as the backend is LIC_BACKEND_STRICT (the default).
 *  - Memory: whoever receives an object frees it with the function named there. What a call returns
 *    through a pointer is emptied (NULL, or all zero) before anything can fail, and stays so after
 *    an error, that of an argument too: it may be freed whatever became of the call. (lic_probe
 *    alone may fail and yet have something to tell.)
 *  - Not promised: that lic_stats keeps its fields' meaning in time units, or that a stream written
 * by LIC_BACKEND_OPENBLAS has the same bytes elsewhere (any decoder reads it all the same).
 */
#ifndef LIC_H
#define LIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIC_VERSION        "0.1.0"
#define LIC_FORMAT_VERSION 1

#if defined(__GNUC__)
#define LIC_API      __attribute__((visibility("default")))
#define LIC_MUST_USE __attribute__((warn_unused_result))
#else
#define LIC_API
#define LIC_MUST_USE
#endif

/* Families with gaps: 1x arguments, 2x the stream, 3x the model, 4x memory, 5x limits, 6x
 * cancelled. */
typedef enum lic_status {
    LIC_OK = 0,
    LIC_ERR_ARGUMENT = 10,      /* a pointer, size or option out of its range */
    LIC_ERR_UNSUPPORTED = 11,   /* a CPU level or backend that this build or machine lacks */
    LIC_ERR_NOT_LIC = 20,       /* the signature is missing */
    LIC_ERR_VERSION = 21,       /* a newer format, or a critical chunk this version does not know */
    LIC_ERR_TRUNCATED = 22,     /* the stream ends too early */
    LIC_ERR_CORRUPT = 23,       /* the stream contradicts itself or its checksum */
    LIC_ERR_MISMATCH = 24,      /* the decoded latents are not the encoder's (check of y_hat) */
    LIC_ERR_MODEL_OPEN = 30,    /* the weights file cannot be read */
    LIC_ERR_MODEL_INVALID = 31, /* the weights file is damaged or not of this family */
    LIC_ERR_MODEL_WRONG = 32,   /* the stream was written with another model */
    LIC_ERR_MEMORY = 40,        /* an allocation failed */
    LIC_ERR_LIMIT = 50,         /* max_pixels or max_memory would be exceeded; nothing was done */
    LIC_ERR_CANCELLED = 60      /* the progress callback asked to stop */
} lic_status;

/* What went wrong, for a person: one line, no newline, never truncated in the middle of a number.
 */
typedef struct lic_error {
    lic_status status;
    char text[240];
} lic_error;

typedef struct lic_model lic_model;
typedef struct lic_encoder lic_encoder;
typedef struct lic_decoder lic_decoder;

/* Instruction sets for the strict kernels; all give the same bits. AUTO is the best the CPU has. */
typedef enum lic_cpu {
    LIC_CPU_AUTO = 0,
    LIC_CPU_SCALAR = 1,
    LIC_CPU_AVX2 = 2,   /* AVX2 and FMA */
    LIC_CPU_AVX512 = 3, /* AVX-512 F, BW, DQ, VL */
    LIC_CPU_NEON = 4
} lic_cpu;

/* Who computes g_a, h_a and g_s. The entropy path is always strict. */
typedef enum lic_backend { LIC_BACKEND_STRICT = 0, LIC_BACKEND_OPENBLAS = 1 } lic_backend;

/* A picture in the caller's memory: rows of interleaved samples, top row first.
 * channels is 1 (grey) or 3 (RGB); depth is 8 (uint8_t) or 16 (uint16_t, native byte order). */
typedef struct lic_image {
    void *data;
    size_t stride_bytes; /* from one row to the next */
    uint32_t width, height;
    uint32_t channels;
    uint32_t depth;
} lic_image;

/* Bytes that travel with the picture (ICC profile, EXIF, ...); types are listed in codec/FORMAT.md.
 * Given to an encoder: a type that starts with a small letter, and the bytes themselves, or with
 * `packed` a zlib stream of unpacked_bytes bytes, which is written as it is. In lic_info: packed,
 * so that a chunk can be handed on to an encoder. */
typedef struct lic_chunk {
    char type[4];
    const uint8_t *data;
    size_t bytes;
    int packed;
    size_t unpacked_bytes; /* if packed */
} lic_chunk;

typedef struct lic_allocator {
    void *(*alloc)(void *user, size_t bytes); /* aligned as malloc aligns; NULL when it cannot */
    void (*free)(void *user, void *pointer);
    void *user;
} lic_allocator;

typedef enum lic_stage {
    LIC_STAGE_ANALYSIS = 0,  /* g_a and h_a (encoder) */
    LIC_STAGE_CODING = 1,    /* h_s, the slices and the range coder (both sides) */
    LIC_STAGE_SYNTHESIS = 2, /* g_s (decoder) */
    LIC_N_STAGES = 3
} lic_stage;

/* Called from the calling thread; fraction runs from 0 to 1 over the whole call. Non-zero cancels.
 */
typedef int (*lic_progress_fn)(void *user, lic_stage stage, double fraction);

typedef struct lic_model_options {
    size_t struct_bytes;            /* set by lic_model_options_init */
    int threads;                    /* for loading; 0: all usable cores */
    lic_backend backend;            /* OPENBLAS also keeps the weights in the layout it needs */
    const lic_allocator *allocator; /* NULL: malloc; must outlive the model */
} lic_model_options;

typedef struct lic_options {
    size_t struct_bytes; /* set by lic_options_init */
    int threads;         /* 0: all usable cores */
    lic_cpu cpu;
    lic_backend backend; /* OPENBLAS needs a model opened for it */
    uint64_t max_pixels; /* default 2^28 */
    /* Bytes that a call may take, counted and refused before any work: all working memory, and the
     * picture that a decoder returns. 0: three quarters of what the machine has. Not counted, as
     * nobody knows them before: the stream that an encoder returns and, while that grows, its
     * latents once or twice more. The model is not the call's. */
    uint64_t max_memory;
    lic_progress_fn progress; /* NULL: none */
    void *progress_user;
    const lic_allocator *allocator; /* NULL: malloc; must outlive the context and its results */
} lic_options;

typedef struct lic_encode_options {
    size_t struct_bytes; /* set by lic_encode_options_init */
    double quality;      /* 0..100, real; level = (levels - 1) quality / 100; default 50 */
    const lic_chunk
        *chunks;     /* carried as they are; not looked at before the last row is taken, so */
    size_t n_chunks; /* a source of rows may still set both while it gives that row */
    uint32_t
        tile_side; /* largest side of a tile in pixels, a multiple of 64 up to 16384; 0: 1024 */
} lic_encode_options;

typedef struct lic_decode_options {
    size_t struct_bytes; /* set by lic_decode_options_init */
    uint32_t depth;      /* of the samples wanted: 8, 16, or 0 for the stream's */
    /* A rectangle of the picture, or all zero for the whole. Only the tiles it needs are decoded,
     * and its pixels are those of the whole picture, bit for bit. */
    uint32_t crop_x, crop_y, crop_width, crop_height;
    /* 1 (or 0): the picture. 16: a preview of ceil(width / 16) x ceil(height / 16) pixels, not with
     * a rectangle. Where the model has a head for previews only the first slices of the latents are
     * decoded; else the whole is, and 16 x 16 pixels averaged. */
    uint32_t scale;
    /* Of the latents only so many slices are read, and what the network predicts stands for the
     * later ones; 0: all. The latents cannot be compared with their check then. */
    uint32_t n_slices;
    /* Non-zero: a stream that was cut short is decoded as far as it goes, and predictions stand for
     * what is missing; lic_stats tells how much of it was there. A stream that is damaged in
     * another way is refused as far as that shows: FORMAT.md, section 9. */
    int salvage;
    /* Non-zero: the latents are not compared with their check, and a picture comes of them though
     * they may not be the encoder's: it may be wrong anywhere. */
    int no_check;
} lic_decode_options;

/* Moves rows between the caller and the library: rows first_row .. first_row + n_rows - 1 of the
 * picture (of the rectangle asked for), at `rows`, `stride_bytes` apart. A source fills them, a
 * sink takes them. Each row is moved once, in ascending order. Non-zero stops the call with
 * LIC_ERR_CANCELLED. */
typedef int (*lic_rows_fn)(void *user, uint32_t first_row, uint32_t n_rows, void *rows,
                           size_t stride_bytes);

/* Bytes owned by the library's allocator; lic_buffer_free. */
typedef struct lic_buffer {
    uint8_t *data;
    size_t bytes;
    const lic_allocator *allocator;
} lic_buffer;

#define LIC_MAX_CHUNKS      16
#define LIC_MAX_CHUNK_BYTES (64u << 20) /* of one chunk, unpacked; alpha may be larger */

/* What the head of a stream says. Chunk data points into the stream, which must outlive its use. */
typedef struct lic_info {
    uint32_t width, height;
    uint32_t channels, depth; /* of the picture that was encoded */
    double quality;
    uint32_t version;
    uint32_t model_id;
    uint32_t check_latents;           /* check of y_hat */
    uint32_t tile_width, tile_height; /* of a picture cut in tiles, else 0 */
    size_t latent_bytes;              /* coded latents; the rest of the file is head and chunks */
    size_t n_chunks;
    lic_chunk chunks[LIC_MAX_CHUNKS];
} lic_info;

typedef struct lic_stats {
    double seconds[LIC_N_STAGES];
    uint64_t multiply_adds; /* of the networks */
    size_t planned_bytes;   /* working memory the call planned for and took */
    uint32_t check_latents; /* check of y_hat, as in the stream */
    size_t latent_bytes;
    /* Decoder: tiles and slices that the call wanted, and those whose code was all there; slices of
     * the tile that had the fewest. Fewer are whole only when salvaging. */
    uint32_t n_tiles, n_whole_tiles, n_slices, n_whole_slices;
} lic_stats;

typedef struct lic_model_info {
    char name[32];       /* "student", "teacher", ... */
    uint64_t hash;       /* of the weights; its low 32 bits are the model id in streams */
    uint64_t parameters; /* as trained, before folding */
    uint32_t levels;     /* rate levels the model was trained at */
    float lambda[2];     /* Lagrange multipliers of 255^2 MSE against bits per pixel of the first and
                            the last level, spaced evenly in their logarithm; 0: not known */
    uint32_t latent_channels, hyper_channels, slices;
    uint32_t preview_slices; /* slices that the head for previews needs; 0: the model has none */
} lic_model_info;

/* Name of a status, e.g. "LIC_ERR_CORRUPT"; never NULL. */
LIC_API const char *lic_status_name(lic_status status);
/* "0.1.0" */
LIC_API const char *lic_version(void);
/* The instruction set AUTO picks here, honouring LIC_CPU in the environment: "avx512", ... */
LIC_API const char *lic_cpu_name(lic_cpu cpu);
LIC_API lic_cpu lic_cpu_best(void);
/* 1 if this build and machine can run it. */
LIC_API int lic_cpu_supported(lic_cpu cpu);
/* 1 if this build has the OpenBLAS backend and the library was found. The first call that asks for
 * OpenBLAS loads it, and sets OPENBLAS_CORETYPE in the environment, if that is unset, to kernels
 * fit for the CPU. */
LIC_API int lic_backend_supported(lic_backend backend);

/* How many threads `requested` comes to here: itself, or for 0 all cores this process may use. */
LIC_API int lic_thread_count(int requested);

LIC_API void lic_model_options_init(lic_model_options *options);
LIC_API void lic_options_init(lic_options *options);
LIC_API void lic_encode_options_init(lic_encode_options *options);
LIC_API void lic_decode_options_init(lic_decode_options *options);

/* Opens a weights file. options may be NULL. The file is treated as hostile: every size, type,
 * shape and checksum is verified. Free with lic_model_close (after every context that uses it). */
LIC_API LIC_MUST_USE lic_status lic_model_open(const char *path, const lic_model_options *options,
                                               lic_model **model, lic_error *err);
LIC_API void lic_model_close(lic_model *model);
LIC_API void lic_model_get_info(const lic_model *model, lic_model_info *info);

/* Reads the head of a stream; no model needed, no memory taken. Verifies the checksum of the bytes.
 * If nothing but that is wrong (the stream was cut behind its head), the status is LIC_ERR_CORRUPT
 * and info is filled all the same; else after an error its width is 0. */
LIC_API LIC_MUST_USE lic_status lic_probe(const void *data, size_t bytes, lic_info *info,
                                          lic_error *err);
/* Uncompresses a chunk that lic_probe listed, into memory from malloc; fails cleanly on any bytes.
 */
LIC_API LIC_MUST_USE lic_status lic_chunk_read(const lic_chunk *chunk, lic_buffer *out,
                                               lic_error *err);

/* One picture each; options may be NULL. The image that lic_decode fills has the channels that the
 * stream says and `depth` bits (0: as the stream says); its data is the library's: lic_image_free.
 */
LIC_API LIC_MUST_USE lic_status lic_encode(const lic_model *model, const lic_image *image,
                                           const lic_options *options,
                                           const lic_encode_options *encode, lic_buffer *out,
                                           lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_decode(const lic_model *model, const void *data, size_t bytes,
                                           const lic_options *options, uint32_t depth,
                                           lic_image *out, lic_error *err);

/* Contexts keep threads and working memory between pictures. */
LIC_API LIC_MUST_USE lic_status lic_encoder_new(const lic_model *model, const lic_options *options,
                                                lic_encoder **encoder, lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_encoder_encode(lic_encoder *encoder, const lic_image *image,
                                                   const lic_encode_options *encode,
                                                   lic_buffer *out, lic_error *err);
/* The same with rows that come from `source`, so that memory is bounded by the width, not the
 * height, of large pictures. shape->data and its stride are not looked at; samples are as shape
 * says. */
LIC_API LIC_MUST_USE lic_status lic_encoder_encode_rows(lic_encoder *encoder,
                                                        const lic_image *shape, lic_rows_fn source,
                                                        void *user,
                                                        const lic_encode_options *encode,
                                                        lic_buffer *out, lic_error *err);
LIC_API void lic_encoder_get_stats(const lic_encoder *encoder, lic_stats *stats);
LIC_API void lic_encoder_free(lic_encoder *encoder);

LIC_API LIC_MUST_USE lic_status lic_decoder_new(const lic_model *model, const lic_options *options,
                                                lic_decoder **decoder, lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_decoder_decode(lic_decoder *decoder, const void *data,
                                                   size_t bytes, uint32_t depth, lic_image *out,
                                                   lic_error *err);
/* The same with options (NULL: all defaults), and with rows that go to `sink`. lic_info of the
 * stream and the options tell the shape of the rows. */
LIC_API LIC_MUST_USE lic_status lic_decoder_decode_area(lic_decoder *decoder, const void *data,
                                                        size_t bytes,
                                                        const lic_decode_options *options,
                                                        lic_image *out, lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_decoder_decode_rows(lic_decoder *decoder, const void *data,
                                                        size_t bytes,
                                                        const lic_decode_options *options,
                                                        lic_rows_fn sink, void *user,
                                                        lic_error *err);
LIC_API void lic_decoder_get_stats(const lic_decoder *decoder, lic_stats *stats);
LIC_API void lic_decoder_free(lic_decoder *decoder);

/* Bytes of working memory that encoding and decoding a picture of this size in tiles of at most
 * tile_side (as in lic_encode_options) will take (the larger of the two), computed by a dry run; 0
 * if a size is out of range. For lic_encoder_encode_rows and lic_decoder_decode_rows, which hold
 * some of the rows, row_bytes is the length of a row; 0: for the other calls, of which the whole
 * picture, the caller's or one that is returned, is not in this. */
LIC_API uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height,
                                uint32_t tile_side, size_t row_bytes, int threads);
/* The same of decoding a stream, whose tiles need not be those that this library's encoder makes;
 * info as lic_probe gives it. */
LIC_API uint64_t lic_plan_stream_bytes(const lic_model *model, const lic_info *info,
                                       size_t row_bytes, int threads);

LIC_API void lic_buffer_free(lic_buffer *buffer);
/* Frees the data of an image that lic_decode or lic_decoder_decode filled, with the allocator they
 * used. */
LIC_API void lic_image_free(lic_image *image, const lic_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
