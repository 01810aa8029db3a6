/* lic.h - the public interface of liblic, a learned image codec.
 *
 * The codec follows S2LIC (arXiv 2403.14471) and FEDS (arXiv 2503.06399). It turns a picture into a
 * .lic stream and back. The networks are in a weights file (.licw), which both sides must have.
 *
 * Rules that hold for every call:
 *  - Errors: the library never prints, never exits and never aborts on input. Every call that can
 *    fail returns a lic_status. `err` may be NULL; if not, it receives one line of text for people.
 *  - Threads: a lic_model does not change once it is open (but by lic_model_add_previews), and any
 *    number of threads may share it. A lic_session belongs to one thread at a time. The same input,
 *    model and options give the same bytes and the same pixels on every machine and for any number
 *    of threads, as long as the backend is LIC_BACKEND_STRICT (the default).
 *  - Memory: whoever receives an object frees it with the function named there. Results are emptied
 *    (NULL, or all zero) before anything can fail, and stay so after an error, even one about an
 *    argument; so a result may be freed whether or not the call succeeded. (lic_probe alone may
 *    fail and still fill its result.)
 *  - Structs begin with struct_bytes, the size that the caller was compiled with. They only ever
 *    grow at their end. A shorter struct is accepted, with defaults for what it lacks; so is a
 *    longer one if everything that this version does not know is zero.
 *  - Callbacks run in the caller's floating-point environment, which each call also leaves as it
 *    was.
 *  - Not promised: that the seconds in lic_stats keep their meaning, or that a stream written by
 *    LIC_BACKEND_OPENBLAS has the same bytes elsewhere (any decoder can read it).
 */
#ifndef LIC_H
#define LIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIC_VERSION        "0.1.0"
#define LIC_FORMAT_VERSION 3 /* the newest; a file has the oldest that can say it */

#if defined(__GNUC__)
#define LIC_API      __attribute__((visibility("default")))
#define LIC_MUST_USE __attribute__((warn_unused_result))
#else
#define LIC_API
#define LIC_MUST_USE
#endif

/* In families: 1x arguments, 2x stream, 3x model, 4x memory, 5x limits, 6x cancelled. */
typedef enum lic_status {
    LIC_OK = 0,
    LIC_ERR_ARGUMENT = 10,      /* a pointer, size or option is out of range */
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

/* What went wrong, for people: one line, no newline, never cut in the middle of a number. */
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
    LIC_CPU_NEON = 4,
    LIC_CPU_WASM = 5,       /* WebAssembly with SIMD128; fused if its relaxed_madd is */
    LIC_CPU_AVX512VNNI = 6, /* the same as AVX512, and VNNI */
    LIC_CPU_NEONDOT = 7,    /* NEON with dot products of bytes */
    LIC_CPU_AVX2VNNI = 8,   /* the same as AVX2, and AVX-VNNI */
    LIC_CPU_SSE4 = 9,       /* SSE4.1 */
    LIC_CPU_LAST = LIC_CPU_SSE4
} lic_cpu;

/* X(level, name) for each but AUTO, in the order of their numbers, of which lists are made. */
/* clang-format off */
#define LIC_CPU_LEVELS(X)                                                                          \
    X(SCALAR, "scalar") X(AVX2, "avx2") X(AVX512, "avx512") X(NEON, "neon") X(WASM, "wasm")        \
    X(AVX512VNNI, "avx512vnni") X(NEONDOT, "neondot") X(AVX2VNNI, "avx2vnni") X(SSE4, "sse4")
/* clang-format on */

/* What computes g_a, h_a and g_s. The entropy path is always strict. ROUNDED is for WebAssembly,
 * where a fused multiply-add may have to be made of ten operations: products are rounded, and
 * pixels may differ, by up to 4 of 255 so far. */
typedef enum lic_backend {
    LIC_BACKEND_STRICT = 0,
    LIC_BACKEND_OPENBLAS = 1,
    LIC_BACKEND_ROUNDED = 2
} lic_backend;

/* A picture in the caller's memory: rows of interleaved samples, top row first. channels is 1
 * (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); depth is 8 (uint8_t) or 16 (uint16_t, native
 * byte order). Alpha is straight: 0 is transparent, and colours are not multiplied by it. Alpha is
 * coded without loss; colours are coded with loss, also where a pixel is transparent. */
typedef struct lic_image {
    size_t struct_bytes; /* the caller's sizeof; 0 means this version's */
    void *data;
    size_t stride_bytes; /* from one row to the next */
    uint32_t width, height;
    uint32_t channels;
    uint32_t depth;
    const struct lic_allocator *allocator; /* if a decoder filled the image; NULL: malloc */
} lic_image;

/* Bytes that travel with the picture (ICC profile, EXIF, ...); codec/FORMAT.md lists the types. For
 * an encoder, the type starts with a small letter, and data is the bytes themselves or, if
 * `packed`, what lic_info has: a zlib stream of unpacked_bytes bytes (1), or bytes that a file
 * keeps as they are (2). So the chunks of a stream can be passed on to an encoder. */
typedef struct lic_chunk {
    char type[4];
    const uint8_t *data;
    size_t bytes;
    int packed;
    size_t unpacked_bytes; /* if packed */
} lic_chunk;

typedef struct lic_span {
    const uint8_t *data; /* NULL: no bytes */
    size_t bytes;
} lic_span;

/* The metadata that most programs know. What is given to an encoder stays the caller's. */
typedef struct lic_metadata {
    size_t struct_bytes; /* set by lic_metadata_init */
    lic_span icc;        /* profile of the samples: carried, not applied */
    lic_span exif;       /* a TIFF stream, from "II" or "MM" on, without "Exif\0\0" */
    lic_span xmp;        /* a packet in UTF-8 */
    /* 1 to 8 as in EXIF: how to turn the picture for display; pixels are stored unturned. When
     * read, it is what exif says, else 1. When given, 0 leaves exif as it is; any other value is
     * put into its tag, in a new exif with that tag alone if none is given. */
    uint32_t orientation;
    void *owned; /* of lic_metadata_read: for lic_metadata_free */
    const struct lic_allocator *allocator;
} lic_metadata;

typedef struct lic_allocator {
    void *(*alloc)(void *user, size_t bytes); /* aligned as malloc does; NULL on failure */
    void (*free)(void *user, void *pointer);
    void *user;
} lic_allocator;

typedef enum lic_stage {
    LIC_STAGE_ANALYSIS = 0,  /* g_a and h_a (encoder) */
    LIC_STAGE_CODING = 1,    /* h_s, the slices and the range coder (both sides) */
    LIC_STAGE_SYNTHESIS = 2, /* g_s (decoder) */
    LIC_N_STAGES = 3
} lic_stage;

/* Called in the caller's thread. fraction runs from 0 to 1 over a call. Non-zero cancels. */
typedef int (*lic_progress_fn)(void *user, lic_stage stage, double fraction);

/* Parts of a model, for lic_model_options.uses. PREVIEWS: the heads for previews beside the weights
 * file, for lic_decode_options.scale. It implies DECODES, unless lic_model_options.scale is set. */
enum { LIC_MODEL_ENCODES = 1, LIC_MODEL_DECODES = 2, LIC_MODEL_PREVIEWS = 4 };

typedef struct lic_model_options {
    size_t struct_bytes;            /* set by lic_model_options_init */
    int threads;                    /* for loading; 0: all usable cores */
    lic_backend backend;            /* OPENBLAS also keeps the weights in the layout it needs */
    const lic_allocator *allocator; /* NULL: malloc; must outlive the model */
    const char *folder;             /* where lic_model_find looks first; NULL: no such folder */
    /* What the model is for, a sum of the above; 0: all. Networks that only the other half needs
     * take neither time nor memory, and their checksums are not verified. Calls that need them fail
     * with LIC_ERR_ARGUMENT. Without PREVIEWS all scales can be had, but more of them take as long
     * as the picture. */
    uint32_t uses;
    /* With PREVIEWS alone: previews of 1/scale or smaller are all that is wanted. Networks that
     * only larger ones need are left out like those of the other half, if a head gives 1/scale. 0
     * or 1: the picture is wanted as well. */
    uint32_t scale;
} lic_model_options;

/* Default limits. LIC_MAX_WORK allows 470 megapixels decoded by the student or 140 by the teacher,
 * ten minutes to half an hour of one core. */
#define LIC_MAX_PIXELS      ((uint64_t)1 << 28)
#define LIC_MAX_TILE_PIXELS ((uint64_t)1 << 22) /* 2048 x 2048: some 300 MB */
#define LIC_MAX_WORK        ((uint64_t)1 << 45)

typedef struct lic_options {
    size_t struct_bytes; /* set by lic_options_init */
    int threads;         /* 0: all usable cores */
    lic_cpu cpu;
    lic_backend backend; /* OPENBLAS needs a model opened for it */
    /* Limits, all checked before any work; what exceeds one is refused with LIC_ERR_LIMIT. A few
     * bytes can promise a picture of any size: these limits bound what that can cost. */
    uint64_t max_pixels;      /* of the picture; default LIC_MAX_PIXELS */
    uint64_t max_tile_pixels; /* of a stream's tile, for decoders; default LIC_MAX_TILE_PIXELS */
    /* Multiply-adds of the networks; pixels that tiles share count each time. Default LIC_MAX_WORK;
     * 0: no limit. */
    uint64_t max_work;
    /* Bytes that a call may take: all working memory, and the picture that a decoder returns. 0:
     * three quarters of what the machine has, or of what a container's control groups leave. Not
     * counted, because its size is not known beforehand, is the stream that an encoder returns
     * (while it grows, its latents are held once or twice more). The model does not count
     * either. */
    uint64_t max_memory;
    lic_progress_fn progress; /* NULL: none */
    void *progress_user;
    const lic_allocator *allocator; /* NULL: malloc; must outlive the session and its results */
} lic_options;

/* Moves rows between the caller and the library: rows first_row .. first_row + n_rows - 1 of the
 * picture, or of the rectangle asked for. They are at `rows`, `stride_bytes` apart. A source fills
 * them, a sink takes them. Each row is moved once, in ascending order. Non-zero stops the call with
 * LIC_ERR_CANCELLED. */
typedef int (*lic_rows_fn)(void *user, uint32_t first_row, uint32_t n_rows, void *rows,
                           size_t stride_bytes);

typedef enum lic_lossless_mode {
    LIC_LOSSLESS_NO = 0,
    LIC_LOSSLESS_YES = 1,
    LIC_LOSSLESS_AUTO = 2
} lic_lossless_mode;

/* The highest lic_encode_options.near, for samples of 8 or 16 bits. */
#define LIC_MAX_NEAR(depth) ((depth) == 16 ? 4095u : 15u)

typedef struct lic_encode_options {
    size_t struct_bytes; /* set by lic_encode_options_init */
    double quality;      /* 0..100, real; level = (levels - 1) quality / 100; default 50 */
    /* Largest side of a tile in pixels, a multiple of 64 up to 16384; 0: 1024. */
    uint32_t tile_side;
    /* What travels with the picture: the usual kinds, and chunks of any type, which come first in
     * the file. NULL: nothing. Both are read after the last row has been taken, so a source may
     * fill them as late as in that call. Without one they are checked before any work as well. */
    const lic_metadata *metadata;
    const lic_chunk *chunks;
    size_t n_chunks;
    /* Rows come from here, so that memory depends on the width of a picture, not on its height;
     * only the shape of the image is used then. NULL: rows are at image->data. */
    lic_rows_fn source;
    void *source_user;
    /* LIC_LOSSLESS_YES: to the last bit, whatever the quality; needs no model, and tile_side 0 is
     * then 512. AUTO: a drawn picture (screens, text, charts) is kept so where that costs about
     * what the error would, and so are drawn parts of a picture that has photographs too;
     * photographs never are. */
    lic_lossless_mode lossless;
    /* With LIC_LOSSLESS_YES: colours may be off by this much, in steps of the picture's samples,
     * LIC_MAX_NEAR at most. What the file then holds comes back to the last bit. 0: exact. Black,
     * white and alpha always are. */
    uint32_t near;
} lic_encode_options;

typedef struct lic_decode_options {
    size_t struct_bytes; /* set by lic_decode_options_init */
    uint32_t depth;      /* of the samples: 8, 16, or 0 for the stream's */
    /* Channels. 0: those of the stream, 1 to 4. 3 and 4 are always possible: grey is repeated, and
     * without alpha every pixel is opaque. 1 and 2 need a grey picture. 1 and 3 leave alpha out. */
    uint32_t channels;
    /* A rectangle of the picture; all zero for the whole. Only the tiles that it needs are decoded,
     * and its pixels are those of the whole picture, bit for bit. */
    uint32_t crop_x, crop_y, crop_width, crop_height;
    /* 1 (or 0): the picture. n = 2, 4, 8 or 16: a preview of ceil(width / n) x ceil(height / n)
     * pixels, which excludes a rectangle. If the model has a head for it (preview_scale of
     * lic_model_info), only the first slices of the latents are decoded, and the preview is close
     * to the picture reduced. Else the whole picture is decoded and each n x n pixels are averaged,
     * as alpha and lossless pictures always are. So the model's heads decide which pixels a preview
     * has. */
    uint32_t scale;
    /* Read only the first n slices of the latents; later ones use their predicted means. 0: all.
     * With fewer, the latents cannot be compared with their check. */
    uint32_t n_slices;
    /* Non-zero: a stream that was cut short is decoded as far as it goes, with predictions for what
     * is missing; lic_stats tells how much was there. A stream that is damaged in another way is
     * refused if that can be seen: FORMAT.md, section 9. */
    int salvage;
    /* Non-zero: the latents are not compared with their check. If they are not the encoder's, the
     * picture may be wrong anywhere. */
    int no_check;
    /* Rows go here, so that only those of one row of tiles are in memory; the image gets the shape,
     * but no data. NULL: the whole picture goes to the image. */
    lic_rows_fn sink;
    void *sink_user;
} lic_decode_options;

/* Bytes from the library's allocator; free with lic_buffer_free. */
typedef struct lic_buffer {
    uint8_t *data;
    size_t bytes;
    const lic_allocator *allocator;
} lic_buffer;

/* In a file, of all kinds: the caller's, ICC profile, EXIF, XMP, alpha, exact blocks. */
#define LIC_MAX_CHUNKS      16
#define LIC_MAX_CHUNK_BYTES (64u << 20) /* of one chunk, unpacked; alpha may be larger */
/* A chunk may always unpack to LIC_FREE_CHUNK_BYTES, and to more only up to LIC_MAX_AMPLIFICATION
 * times its packed bytes. Alpha, which is as large as the picture, is exempt. */
#define LIC_FREE_CHUNK_BYTES  (1u << 20)
#define LIC_MAX_AMPLIFICATION 100

/* What the head of a stream says. Chunk data points into the stream, which must outlive its use. */
typedef struct lic_info {
    size_t struct_bytes; /* the caller's; 0 after an error */
    uint32_t width, height;
    uint32_t channels, depth; /* of the encoded picture: 1 or 3, without alpha */
    int has_alpha;
    double quality;
    uint32_t version;
    uint32_t model_id;
    uint32_t check_latents;           /* check of y_hat */
    uint32_t tile_width, tile_height; /* if the picture is cut into tiles, else 0 */
    size_t latent_bytes;              /* of coded latents; the rest is head and chunks */
    size_t n_chunks;
    lic_chunk chunks[LIC_MAX_CHUNKS];
    int lossless; /* no part of the picture needs a model; model_id is 0 */
} lic_info;

/* Parts of a call: the transforms by the scale of their tensors, the hyperprior, what codes the
 * slices of latents, samples and symbols going in and out, and the rest. */
typedef enum lic_part {
    LIC_PART_OTHER = 0,
    LIC_PART_SAMPLES,
    LIC_PART_G_A_2,
    LIC_PART_G_A_4,
    LIC_PART_G_A_8,
    LIC_PART_H_A,
    LIC_PART_H_S,
    LIC_PART_CONTEXT,
    LIC_PART_PARAMETERS,
    LIC_PART_LRP,
    LIC_PART_SYMBOLS,
    LIC_PART_G_S_8,
    LIC_PART_G_S_4,
    LIC_PART_G_S_2,
    LIC_N_PARTS
} lic_part;

typedef struct lic_stats {
    size_t struct_bytes; /* the caller's */
    double seconds[LIC_N_STAGES];
    uint64_t multiply_adds; /* of the networks */
    size_t planned_bytes;   /* working memory that the call planned and took */
    uint32_t check_latents; /* check of y_hat, as in the stream */
    size_t latent_bytes;
    /* Decoder: tiles and slices that the call wanted, and how many had all of their code; for
     * slices, in the tile with the fewest. Numbers differ only when salvaging. */
    uint32_t n_tiles, n_whole_tiles, n_slices, n_whole_slices;
    /* The seconds once more, by part, and what each part multiplied and added. */
    double part_seconds[LIC_N_PARTS];
    uint64_t part_multiply_adds[LIC_N_PARTS];
} lic_stats;

typedef struct lic_model_info {
    size_t struct_bytes; /* the caller's */
    char name[32];       /* "student", "teacher", ... */
    uint64_t hash;       /* of the weights; its low 32 bits are the model id in streams */
    uint64_t parameters; /* as trained, before folding */
    uint32_t levels;     /* rate levels the model was trained at */
    float lambda[2];     /* Lagrange multipliers (255^2 MSE against bits per pixel) of the first and
                            the last level, evenly spaced in their logarithm; 0: not known */
    uint32_t latent_channels, hyper_channels, slices;
    uint32_t preview_slices; /* that a preview of 1/16 by a head needs; 0: no such head */
    uint32_t preview_scale;  /* the least scale that a head gives: 16, 8, 4 or 2; 0: none */
} lic_model_info;

/* "g_a 1/2", "symbols", ...; NULL beyond the last. */
LIC_API const char *lic_part_name(lic_part part);
/* Multiply-adds per second of the matrix kernel by itself on one thread, the best of many runs
 * within a tenth of a second: what the parts of lic_stats can be held against. 0 if this build or
 * machine cannot run it. */
LIC_API double lic_kernel_rate(lic_cpu cpu);
/* The same of the kernel for layers in integers. */
LIC_API double lic_byte_kernel_rate(lic_cpu cpu);

/* Name of a status, e.g. "LIC_ERR_CORRUPT"; never NULL. */
LIC_API const char *lic_status_name(lic_status status);
/* "0.1.0" */
LIC_API const char *lic_version(void);
/* The instruction set AUTO picks here, honouring LIC_CPU in the environment: "avx512", ... */
LIC_API const char *lic_cpu_name(lic_cpu cpu);
LIC_API lic_cpu lic_cpu_best(void);
/* 1 if this build and machine can run it. */
LIC_API int lic_cpu_supported(lic_cpu cpu);
/* 1 if this build has the OpenBLAS backend and OpenBLAS was found. The first call that asks for it
 * loads it. OpenBLAS 0.3.21 does not know recent processors and picks kernels half as fast as it
 * could. A program may set OPENBLAS_CORETYPE in its environment before that (SkylakeX, if there is
 * AVX-512). */
LIC_API int lic_backend_supported(lic_backend backend);

/* How many threads `requested` means here: itself, or for 0 all cores that this process may use. */
LIC_API int lic_thread_count(int requested);
/* What a max_memory of 0 comes to here: three quarters of what this process may have. */
LIC_API uint64_t lic_memory_limit(void);

/* Defaults. Use the macros below: they pass the size of the struct that the caller was compiled
 * with, as zlib's deflateInit does. Bindings for other languages pass it themselves. */
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
 * shape and checksum is verified. If its name is STEM.licw and STEM.previews.licw is beside it,
 * that file's heads for previews are opened too; if they are damaged, or another network's, the
 * call fails with LIC_ERR_MODEL_INVALID and names it. Free with lic_model_close (after every
 * session that uses it). */
LIC_API LIC_MUST_USE lic_status lic_model_open(const char *path, const lic_model_options *options,
                                               lic_model **model, lic_error *err);
/* The same with the file's bytes in memory, which need not stay there. */
LIC_API LIC_MUST_USE lic_status lic_model_open_memory(const void *data, size_t bytes,
                                                      const lic_model_options *options,
                                                      lic_model **model, lic_error *err);
/* Finds and opens weights. A name with a slash or ending in .licw is a file; any other name means
 * name.licw in the first folder that has it. If name is NULL, it is the file with this model id
 * (lic_info.model_id of a stream); if id is 0 as well, LIC_DEFAULT_MODEL.
 *
 * The folders, in order: options->folder; LIC_MODEL_DIR in the environment; share/lic beside the
 * folder of the running program, then beside that of the library; the folder for which the library
 * was built (weightsdir of lic.pc); models/weights of a source tree that the program was built in.
 * Folders beside the program or library count only in a tree that others cannot write to.
 * LIC_ERR_MODEL_OPEN: no file of this name; LIC_ERR_MODEL_WRONG: none with this id. */
#define LIC_DEFAULT_MODEL "student"
LIC_API LIC_MUST_USE lic_status lic_model_find(const char *name, uint32_t id,
                                               const lic_model_options *options, lic_model **model,
                                               lic_error *err);
/* Calls visit for each weights file in these folders, `folder` (or NULL) first, until visit returns
 * non-zero, and returns that. hash is what the file says, not verified. */
typedef int (*lic_model_visit)(void *user, const char *path, uint64_t hash);
LIC_API int lic_model_each(const char *folder, lic_model_visit visit, void *user);
/* Adds heads for previews to a model that has no STEM.previews.licw beside it, as one from memory:
 * the bytes of that file, which need not stay. Sessions that are open get them too, but none may be
 * in a call meanwhile. LIC_ERR_MODEL_INVALID: they are damaged, or another network's; the model is
 * as it was after any error. LIC_ERR_ARGUMENT: it has such heads, or does not decode. */
LIC_API LIC_MUST_USE lic_status lic_model_add_previews(lic_model *model, const void *data,
                                                       size_t bytes, lic_error *err);
LIC_API void lic_model_close(lic_model *model);
LIC_API void lic_model_get_info_sized(const lic_model *model, lic_model_info *info,
                                      size_t struct_bytes);
#define lic_model_get_info(model, info) lic_model_get_info_sized((model), (info), sizeof *(info))

/* ---- streams ---- */

/* Reads the head of a stream, without a model and without allocating. Verifies the checksum of the
 * bytes. If only the checksum is wrong (the stream was cut after its head), the status is
 * LIC_ERR_CORRUPT and info is filled all the same; after any other error it is all zero. */
LIC_API LIC_MUST_USE lic_status lic_probe_sized(const void *data, size_t bytes, lic_info *info,
                                                size_t struct_bytes, lic_error *err);
#define lic_probe(data, bytes, info, err)                                                          \
    lic_probe_sized((data), (bytes), (info), sizeof *(info), (err))
/* Uncompresses a chunk that lic_probe listed. Of the options (NULL: defaults) it uses the allocator
 * and max_memory, or LIC_MAX_CHUNK_BYTES if that is 0. Beyond LIC_FREE_CHUNK_BYTES a chunk may
 * unpack to LIC_MAX_AMPLIFICATION times its packed bytes. One that promises more, as no profile or
 * text does, is refused with LIC_ERR_LIMIT. Alpha (`Alph`) and exact blocks (`Exac`) cannot be
 * read here: the decoder delivers them. */
LIC_API LIC_MUST_USE lic_status lic_chunk_read(const lic_chunk *chunk, const lic_options *options,
                                               lic_buffer *out, lic_error *err);

/* Reads profile, EXIF, XMP and orientation of a stream that lic_probe has read, which must still be
 * in memory. What the stream lacks is empty. Limits are those of lic_chunk_read; max_memory holds
 * for all of it together. lic_metadata_free takes anything that lic_metadata_init or this call has
 * filled. */
LIC_API LIC_MUST_USE lic_status lic_metadata_read_sized(const lic_info *info,
                                                        const lic_options *options,
                                                        lic_metadata *metadata, size_t struct_bytes,
                                                        lic_error *err);
#define lic_metadata_read(info, options, metadata, err)                                            \
    lic_metadata_read_sized((info), (options), (metadata), sizeof *(metadata), (err))
LIC_API void lic_metadata_free(lic_metadata *metadata);

/* EXIF by itself: a TIFF stream, without the "Exif\0\0" of JPEG. Any bytes are accepted. The
 * results are new bytes: free them with lic_buffer_free. LIC_ERR_CORRUPT: this is not EXIF;
 * LIC_ERR_ARGUMENT: an orientation that is not 1 to 8, or a side of 0.
 *
 * The orientation (TIFF 6.0, tag 274), 1 to 8; 1 if it says nothing valid. */
LIC_API uint32_t lic_exif_orientation(lic_span exif);
/* The same EXIF with another orientation; without EXIF, a new one with that tag alone. */
LIC_API LIC_MUST_USE lic_status lic_exif_turn(lic_span exif, uint32_t orientation,
                                              const lic_allocator *allocator, lic_buffer *out);
/* EXIF for a part or a reduced copy of the picture, of width x height pixels. It is written anew
 * with the new sides, so that no byte of a thumbnail, a maker's note or another preview stays. It
 * is also LIC_ERR_CORRUPT if values overlap or directories repeat. */
LIC_API LIC_MUST_USE lic_status lic_exif_fit(lic_span exif, uint32_t width, uint32_t height,
                                             const lic_allocator *allocator, lic_buffer *out);

/* ---- pictures ---- */

/* One picture. encode, decode and options may be NULL. The decoded image has the samples that the
 * options ask for; free its data with lic_image_free. */
LIC_API LIC_MUST_USE lic_status lic_encode(const lic_model *model, const lic_image *image,
                                           const lic_options *options,
                                           const lic_encode_options *encode, lic_buffer *out,
                                           lic_error *err);
LIC_API LIC_MUST_USE lic_status lic_decode(const lic_model *model, const void *data, size_t bytes,
                                           const lic_options *options,
                                           const lic_decode_options *decode, lic_image *out,
                                           lic_error *err);

/* A session keeps threads and working memory from one picture to the next. It encodes and decodes
 * one picture at a time. out may be NULL if rows go to a sink. Without a model (NULL) it does
 * lossless streams only. */
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

/* Working memory in bytes, the larger of what encoding and decoding will take, for a picture of
 * this size in tiles of at most tile_side (as in lic_encode_options). Computed by a dry run; 0 if a
 * size is out of range. If rows come from a source or go to a sink, some of them are held:
 * row_bytes is then the length of a row. 0: the whole picture is in memory, the caller's or a
 * returned one, which is not counted here. Without a model (NULL): losslessly; with one: with
 * LIC_LOSSLESS_AUTO, exact blocks and three channels of 16 bits; others take no more. */
LIC_API uint64_t lic_plan_bytes(const lic_model *model, uint32_t width, uint32_t height,
                                uint32_t tile_side, size_t row_bytes, int threads);
/* The same for decoding a stream, whose tiles may differ from those of this library's encoder. info
 * comes from lic_probe. */
LIC_API uint64_t lic_plan_stream_bytes(const lic_model *model, const lic_info *info,
                                       size_t row_bytes, int threads);

LIC_API void lic_buffer_free(lic_buffer *buffer);
/* Frees the data of an image that a decoder filled, with the allocator that provided it. */
LIC_API void lic_image_free(lic_image *image);

#ifdef __cplusplus
}
#endif
#endif
