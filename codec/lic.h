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
 *    lic_session belongs to one thread at a time. The same input, model and options
 *    give the same bytes and the same pixels on every machine and for any number of threads, as
 * long as the backend is LIC_BACKEND_STRICT (the default).
 *  - Memory: whoever receives an object frees it with the function named there. What a call returns
 *    through a pointer is emptied (NULL, or all zero) before anything can fail, and stays so after
 *    an error, that of an argument too: it may be freed whatever became of the call. (lic_probe
 *    alone may fail and yet have something to tell.)
 *  - Structs begin with struct_bytes, the size that the caller was compiled with, and only ever
 * grow at their end. Shorter ones are accepted, and the defaults stand for what they lack; so are
 *    longer ones that have nothing but zeros in what this version does not know.
 *  - Callbacks run in the caller's floating-point environment, which is also what each call leaves
 *    behind.
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
    LIC_ERR_LIMIT = 50,         /* a limit of lic_options would be exceeded; nothing was done */
    LIC_ERR_CANCELLED = 60      /* the progress callback asked to stop */
} lic_status;

/* What went wrong, for a person: one line, no newline, never truncated in the middle of a number.
 */
typedef struct lic_error {
    lic_status status;
    char text[240];
} lic_error;

typedef struct lic_model lic_model;
typedef struct lic_session lic_session;

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
 * channels is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); depth is 8 (uint8_t) or 16
 * (uint16_t, native byte order). Alpha is straight: 0 is transparent, and colours are not
 * multiplied by it. It is coded without loss, colours are not, those of transparent pixels
 * included. */
typedef struct lic_image {
    size_t struct_bytes; /* sizeof of the caller's, or 0: all that is here */
    void *data;
    size_t stride_bytes; /* from one row to the next */
    uint32_t width, height;
    uint32_t channels;
    uint32_t depth;
    const struct lic_allocator *allocator; /* of an image that a decoder filled; NULL: malloc */
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

typedef struct lic_span {
    const uint8_t *data; /* NULL: there are none */
    size_t bytes;
} lic_span;

/* The metadata that most programs know. Given to an encoder, the bytes are the caller's. */
typedef struct lic_metadata {
    size_t struct_bytes; /* set by lic_metadata_init */
    lic_span icc;        /* profile of the samples: carried, not applied */
    lic_span exif;       /* a TIFF stream, from "II" or "MM" on, without "Exif\0\0" */
    lic_span xmp;        /* a packet in UTF-8 */
    /* 1 to 8 as in EXIF: how the picture is to be turned for display; pixels are stored unturned.
     * Read: what exif says, else 1. Given: 0 leaves exif as it is; else its tag is set to this, in
     * an exif of that tag alone if none is given. */
    uint32_t orientation;
    void *owned; /* of lic_metadata_read: for lic_metadata_free */
    const struct lic_allocator *allocator;
} lic_metadata;

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
    const char *folder;             /* where lic_model_find looks first; NULL: nowhere else */
} lic_model_options;

/* Default limits. The work is that of 470 megapixels decoded by the student, 140 by the teacher; a
 * core does it in ten minutes to half an hour. */
#define LIC_MAX_PIXELS      ((uint64_t)1 << 28)
#define LIC_MAX_TILE_PIXELS ((uint64_t)1 << 22) /* 2048 x 2048: some 300 MB */
#define LIC_MAX_WORK        ((uint64_t)1 << 45)

typedef struct lic_options {
    size_t struct_bytes; /* set by lic_options_init */
    int threads;         /* 0: all usable cores */
    lic_cpu cpu;
    lic_backend backend; /* OPENBLAS needs a model opened for it */
    /* Limits, all of them looked at before any work; what is above is refused with LIC_ERR_LIMIT.
     * A stream of few bytes may promise any picture: these are what it can cost. */
    uint64_t max_pixels;      /* of the picture; default LIC_MAX_PIXELS */
    uint64_t max_tile_pixels; /* of a stream's tile, for decoders; default LIC_MAX_TILE_PIXELS */
    /* Multiply-adds of the networks, those on the pixels that tiles share counted each time;
     * default LIC_MAX_WORK, 0: no limit. */
    uint64_t max_work;
    /* Bytes that a call may take: all working memory, and the picture that a decoder returns. 0:
     * three quarters of what the machine has, or what the control groups of a container leave. Not
     * counted, as nobody knows them before: the stream that an encoder returns and, while that
     * grows, its latents once or twice more. The model is not the call's. */
    uint64_t max_memory;
    lic_progress_fn progress; /* NULL: none */
    void *progress_user;
    const lic_allocator *allocator; /* NULL: malloc; must outlive the session and its results */
} lic_options;

/* Moves rows between the caller and the library: rows first_row .. first_row + n_rows - 1 of the
 * picture (of the rectangle asked for), at `rows`, `stride_bytes` apart. A source fills them, a
 * sink takes them. Each row is moved once, in ascending order. Non-zero stops the call with
 * LIC_ERR_CANCELLED. */
typedef int (*lic_rows_fn)(void *user, uint32_t first_row, uint32_t n_rows, void *rows,
                           size_t stride_bytes);

typedef struct lic_encode_options {
    size_t struct_bytes; /* set by lic_encode_options_init */
    double quality;      /* 0..100, real; level = (levels - 1) quality / 100; default 50 */
    /* Largest side of a tile in pixels, a multiple of 64 up to 16384; 0: 1024. */
    uint32_t tile_side;
    /* What travels with the picture: the kinds that most programs know, and chunks of any type,
     * which come first in the file. NULL: nothing. Neither is looked at before the last row is
     * taken, so a source of rows may still fill them while it gives that row. */
    const lic_metadata *metadata;
    const lic_chunk *chunks;
    size_t n_chunks;
    /* Rows come from here, so that memory is bounded by the width of a picture, not its height; of
     * the image only its shape is looked at. NULL: they are at image->data. */
    lic_rows_fn source;
    void *source_user;
} lic_encode_options;

typedef struct lic_decode_options {
    size_t struct_bytes; /* set by lic_decode_options_init */
    uint32_t depth;      /* of the samples wanted: 8, 16, or 0 for the stream's */
    /* Channels wanted. 0: the stream's, 1 to 4. 3 and 4 can always be had: grey is repeated, and
     * where the stream has no alpha all is opaque. 1 and 2 only of a grey picture. 1 and 3 leave
     * alpha out. */
    uint32_t channels;
    /* A rectangle of the picture, or all zero for the whole. Only the tiles it needs are decoded,
     * and its pixels are those of the whole picture, bit for bit. */
    uint32_t crop_x, crop_y, crop_width, crop_height;
    /* 1 (or 0): the picture. 16: a preview of ceil(width / 16) x ceil(height / 16) pixels, not with
     * a rectangle. Where the model has a head for previews only the first slices of the latents are
     * decoded; else the whole is, and 16 x 16 pixels averaged, as alpha always is. */
    uint32_t scale;
    /* Read only the first n slices of the latents; later ones use what the network predicts. 0:
     * all. The latents cannot be compared with their check then. */
    uint32_t n_slices;
    /* Non-zero: a stream that was cut short is decoded as far as it goes, and predictions stand for
     * what is missing; lic_stats tells how much of it was there. A stream that is damaged in
     * another way is refused as far as that shows: FORMAT.md, section 9. */
    int salvage;
    /* Non-zero: the latents are not compared with their check, and a picture comes of them though
     * they may not be the encoder's: it may be wrong anywhere. */
    int no_check;
    /* Rows go here, so that no more than those of one row of tiles are in memory; the image gets
     * their shape, and no data. NULL: the whole picture goes to the image. */
    lic_rows_fn sink;
    void *sink_user;
} lic_decode_options;

/* Bytes owned by the library's allocator; lic_buffer_free. */
typedef struct lic_buffer {
    uint8_t *data;
    size_t bytes;
    const lic_allocator *allocator;
} lic_buffer;

#define LIC_MAX_CHUNKS      16
#define LIC_MAX_CHUNK_BYTES (64u << 20) /* of one chunk, unpacked; alpha may be larger */
/* Of one chunk: what it may unpack to whatever its size, and how many times its packed bytes beyond
 * that. Alpha, which is as large as the picture, is not bound by it. */
#define LIC_FREE_CHUNK_BYTES  (1u << 20)
#define LIC_MAX_AMPLIFICATION 100

/* What the head of a stream says. Chunk data points into the stream, which must outlive its use. */
typedef struct lic_info {
    size_t struct_bytes; /* of the caller's; 0 after an error */
    uint32_t width, height;
    uint32_t channels, depth; /* of the picture that was encoded: 1 or 3, alpha not counted */
    int has_alpha;
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
    size_t struct_bytes; /* of the caller's */
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
    size_t struct_bytes; /* of the caller's */
    char name[32];       /* "student", "teacher", ... */
    uint64_t hash;       /* of the weights; its low 32 bits are the model id in streams */
    uint64_t parameters; /* as trained, before folding */
    uint32_t levels;     /* rate levels the model was trained at */
    float lambda[2]; /* Lagrange multipliers of 255^2 MSE against bits per pixel of the first and
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
 * OpenBLAS loads it. OpenBLAS 0.3.21 does not know recent processors and takes kernels half as fast
 * as it could: a program may set OPENBLAS_CORETYPE in its environment before (SkylakeX, where there
 * is AVX-512). */
LIC_API int lic_backend_supported(lic_backend backend);

/* How many threads `requested` comes to here: itself, or for 0 all cores this process may use. */
LIC_API int lic_thread_count(int requested);

/* Defaults. Call them by the names below, which pass the size of the struct that the caller was
 * compiled with, as zlib's deflateInit does; bindings for other languages pass it themselves. */
LIC_API void lic_model_options_init_sized(lic_model_options *options, size_t struct_bytes);
LIC_API void lic_options_init_sized(lic_options *options, size_t struct_bytes);
LIC_API void lic_encode_options_init_sized(lic_encode_options *options, size_t struct_bytes);
LIC_API void lic_decode_options_init_sized(lic_decode_options *options, size_t struct_bytes);
LIC_API void lic_metadata_init_sized(lic_metadata *metadata, size_t struct_bytes);
#define lic_model_options_init(options)  lic_model_options_init_sized((options), sizeof *(options))
#define lic_options_init(options)        lic_options_init_sized((options), sizeof *(options))
#define lic_encode_options_init(options) lic_encode_options_init_sized((options), sizeof *(options))
#define lic_decode_options_init(options) lic_decode_options_init_sized((options), sizeof *(options))
#define lic_metadata_init(metadata)      lic_metadata_init_sized((metadata), sizeof *(metadata))

/* ---- models ---- */

/* Opens a weights file. options may be NULL. The file is treated as hostile: every size, type,
 * shape and checksum is verified. Free with lic_model_close (after every session that uses it). */
LIC_API LIC_MUST_USE lic_status lic_model_open(const char *path, const lic_model_options *options,
                                               lic_model **model, lic_error *err);
/* The same with the file's bytes in memory, which need not stay there. */
LIC_API LIC_MUST_USE lic_status lic_model_open_memory(const void *data, size_t bytes,
                                                      const lic_model_options *options,
                                                      lic_model **model, lic_error *err);
/* Finds and opens weights: the file called `name` if that has a slash or ends in .licw; else
 * name.licw in the first folder that has it; if name is NULL, the file that a stream's model id
 * means (lic_info.model_id); if id is 0 as well, LIC_DEFAULT_MODEL. Folders, in this order:
 * options->folder; LIC_MODEL_DIR in the environment; share/lic beside the folder of the running
 * program, and beside that of the library; the folder that the library was built to be installed
 * with (weightsdir of lic.pc); models/weights of a source tree that the program was built in. Those
 * beside something count only in a tree that others cannot write to. LIC_ERR_MODEL_OPEN: no file of
 * this name; LIC_ERR_MODEL_WRONG: none with this id. */
#define LIC_DEFAULT_MODEL "student"
LIC_API LIC_MUST_USE lic_status lic_model_find(const char *name, uint32_t id,
                                               const lic_model_options *options, lic_model **model,
                                               lic_error *err);
/* Calls visit for each weights file in these folders, `folder` (or NULL) first, until it returns
 * other than 0, which is then returned; hash is what the file says, not verified. */
typedef int (*lic_model_visit)(void *user, const char *path, uint64_t hash);
LIC_API int lic_model_each(const char *folder, lic_model_visit visit, void *user);
LIC_API void lic_model_close(lic_model *model);
LIC_API void lic_model_get_info_sized(const lic_model *model, lic_model_info *info,
                                      size_t struct_bytes);
#define lic_model_get_info(model, info) lic_model_get_info_sized((model), (info), sizeof *(info))

/* ---- streams ---- */

/* Reads the head of a stream; no model needed, no memory taken. Verifies the checksum of the bytes.
 * If nothing but that is wrong (the stream was cut behind its head), the status is LIC_ERR_CORRUPT
 * and info is filled all the same; else after an error it is all zero. */
LIC_API LIC_MUST_USE lic_status lic_probe_sized(const void *data, size_t bytes, lic_info *info,
                                                size_t struct_bytes, lic_error *err);
#define lic_probe(data, bytes, info, err)                                                          \
    lic_probe_sized((data), (bytes), (info), sizeof *(info), (err))
/* Uncompresses a chunk that lic_probe listed. Of the options (NULL: defaults) the allocator counts
 * and max_memory, or LIC_MAX_CHUNK_BYTES if that is 0. Beyond LIC_FREE_CHUNK_BYTES a chunk may
 * unpack to LIC_MAX_AMPLIFICATION times its packed bytes; one that promises more, as no profile and
 * no text does, is refused with LIC_ERR_LIMIT. Alpha of a picture is the decoder's, not to be read
 * here. */
LIC_API LIC_MUST_USE lic_status lic_chunk_read(const lic_chunk *chunk, const lic_options *options,
                                               lic_buffer *out, lic_error *err);

/* Reads profile, EXIF, XMP and orientation of a stream that lic_probe has looked at, which must
 * still be there. What a stream has of none is empty. Limits as for lic_chunk_read, and max_memory
 * holds for all of it. lic_metadata_free, with anything that lic_metadata_init or this has filled.
 */
LIC_API LIC_MUST_USE lic_status lic_metadata_read_sized(const lic_info *info,
                                                        const lic_options *options,
                                                        lic_metadata *metadata, size_t struct_bytes,
                                                        lic_error *err);
#define lic_metadata_read(info, options, metadata, err)                                            \
    lic_metadata_read_sized((info), (options), (metadata), sizeof *(metadata), (err))
LIC_API void lic_metadata_free(lic_metadata *metadata);

/* ---- pictures ---- */

/* One picture. encode and decode, and options in both, may be NULL. An image that is filled gets
 * the samples that its options ask for; its data is the library's: lic_image_free. */
LIC_API LIC_MUST_USE lic_status lic_encode(const lic_model *model, const lic_image *image,
                                           const lic_options *options,
                                           const lic_encode_options *encode, lic_buffer *out,
                                           lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_decode(const lic_model *model, const void *data, size_t bytes,
                                           const lic_options *options,
                                           const lic_decode_options *decode, lic_image *out,
                                           lic_error *err);

/* A session keeps threads and working memory from one picture to the next; it encodes and decodes,
 * one picture at a time. out may be NULL if rows go to a sink. */
LIC_API LIC_MUST_USE lic_status lic_session_new(const lic_model *model, const lic_options *options,
                                                lic_session **session, lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_session_encode(lic_session *session, const lic_image *image,
                                                   const lic_encode_options *encode,
                                                   lic_buffer *out, lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_session_decode(lic_session *session, const void *data,
                                                   size_t bytes, const lic_decode_options *decode,
                                                   lic_image *out, lic_error *err);
/* Of the last call. */
LIC_API void lic_session_get_stats_sized(const lic_session *session, lic_stats *stats,
                                         size_t struct_bytes);
#define lic_session_get_stats(session, stats)                                                      \
    lic_session_get_stats_sized((session), (stats), sizeof *(stats))
LIC_API void lic_session_free(lic_session *session);

/* Bytes of working memory that encoding and decoding a picture of this size in tiles of at most
 * tile_side (as in lic_encode_options) will take (the larger of the two), computed by a dry run; 0
 * if a size is out of range. Where rows come from a source or go to a sink some of them are held:
 * row_bytes is the length of a row; 0: the whole picture is in memory, the caller's or one that is
 * returned, which is not in this. */
LIC_API uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height,
                                uint32_t tile_side, size_t row_bytes, int threads);
/* The same of decoding a stream, whose tiles need not be those that this library's encoder makes;
 * info as lic_probe gives it. */
LIC_API uint64_t lic_plan_stream_bytes(const lic_model *model, const lic_info *info,
                                       size_t row_bytes, int threads);

LIC_API void lic_buffer_free(lic_buffer *buffer);
/* Frees the data of an image that a decoder filled, with the allocator that it came from. */
LIC_API void lic_image_free(lic_image *image);

#ifdef __cplusplus
}
#endif
#endif
