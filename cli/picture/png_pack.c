/* png_pack.c - see png_pack.h. Each stripe is a part of one raw deflate stream that ends at a whole
 * byte and refers to nothing before it; the head of a zlib stream goes before the first, and the
 * checksum, which can be put together from those of the parts, behind the last. */
#include "cli/picture/png_pack.h"

#include "cli/base/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    STRIPE_BYTES = 1 << 17,
    MOST_THREADS = 16,
    PAETH = 4, /* the filter that suits what this program writes: decoded photographs */
    LEVEL = 2, /* of zlib */
    HEAD = 2,  /* bytes of a zlib stream before and after its blocks */
    TAIL = 4,
    MORE = 64 /* what marks the end of a stripe, amply */
};

/* A stripe, and what compresses it. */
struct stripe {
    const lic_png_pack *pack;
    pthread_t thread;
    z_stream z;
    uint8_t *line, *out; /* a filtered row with its filter's number; what is ready */
    size_t room, bytes;  /* of out */
    uint32_t first, n;   /* rows of the pack */
    bool last, bad;
    uLong check; /* Adler-32 of the filtered rows */
};

struct lic_png_pack {
    size_t row_bytes, pixel_bytes;
    bool swaps; /* bytes of samples */
    int strategy, n_stripes;
    uint32_t height, done, held, rows; /* in the picture, before those here, here; of a stripe */
    uLong check;
    uint8_t *raw; /* the row above, then those held */
    struct stripe stripes[MOST_THREADS];
};

/* Paeth's filter predicts by that neighbour which is nearest to left + above - corner. */
static void filter(uint8_t *restrict to, const uint8_t *restrict row, const uint8_t *restrict left,
                   const uint8_t *restrict above, const uint8_t *restrict corner, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int16_t a = left[i], b = above[i], c = corner[i];
        const int16_t p = (int16_t)(b - c), q = (int16_t)(a - c), r = (int16_t)(p + q);
        const int16_t pa = (int16_t)(p < 0 ? -p : p), pb = (int16_t)(q < 0 ? -q : q),
                      pc = (int16_t)(r < 0 ? -r : r);
        const int16_t other = pb <= pc ? b : c, nearer = pb <= pc ? pb : pc;
        to[i] = (uint8_t)(row[i] - (pa <= nearer ? a : other));
    }
}

/* Row y of the pack, counted from the one above the first. */
static uint8_t *row_at(const lic_png_pack *p, uint32_t y)
{
    return p->raw + y * p->row_bytes;
}

static void filter_row(const lic_png_pack *p, uint32_t y, uint8_t *line)
{
    const uint8_t *row = row_at(p, y + 1), *above = row_at(p, y);
    const size_t pixel = p->pixel_bytes;
    *line++ = PAETH;
    for (size_t i = 0; i < pixel; i++) /* nothing is to the left: that is above */
        line[i] = (uint8_t)(row[i] - above[i]);
    filter(line + pixel, row + pixel, row, above + pixel, above, p->row_bytes - pixel);
}

static void *compress_stripe(void *user)
{
    struct stripe *s = user;
    const lic_png_pack *p = s->pack;
    const uInt line_bytes = (uInt)(p->row_bytes + 1);
    int status = deflateReset(&s->z);
    s->z.next_out = s->out + HEAD;
    s->z.avail_out = (uInt)(s->room - HEAD - TAIL);
    s->check = adler32(0, NULL, 0);
    for (uint32_t y = 0; y < s->n && status == Z_OK; y++) {
        const int flush = y + 1 < s->n ? Z_NO_FLUSH : s->last ? Z_FINISH : Z_SYNC_FLUSH;
        filter_row(p, s->first + y, s->line);
        s->check = adler32(s->check, s->line, line_bytes);
        s->z.next_in = s->line;
        s->z.avail_in = line_bytes;
        status = deflate(&s->z, flush);
        s->bad |= s->z.avail_in > 0;
    }
    s->bytes = s->z.total_out;
    s->bad |= status != (s->last ? Z_STREAM_END : Z_OK) || s->z.avail_out == 0;
    return NULL;
}

/* All stripes that the rows held make up, each in a thread; the caller has the first. */
static int compress_all(lic_png_pack *p)
{
    const int n = (int)((p->held + p->rows - 1) / p->rows);
    bool runs[MOST_THREADS] = {false}, bad = false;
    for (int i = n - 1; i >= 0; i--) {
        struct stripe *s = &p->stripes[i];
        s->first = (uint32_t)i * p->rows;
        s->n = p->held - s->first < p->rows ? p->held - s->first : p->rows;
        s->last = p->done + s->first + s->n == p->height;
        s->bad = false;
        runs[i] = i > 0 && pthread_create(&s->thread, NULL, compress_stripe, s) == 0;
        if (!runs[i])
            compress_stripe(s);
    }
    for (int i = 0; i < n; i++) {
        struct stripe *s = &p->stripes[i];
        if (runs[i])
            pthread_join(s->thread, NULL);
        p->check = adler32_combine(p->check, s->check, (z_off_t)(s->n * (p->row_bytes + 1)));
        bad |= s->bad;
    }
    return bad ? -1 : n;
}

/* The two bytes that say deflate, a window of 32 KiB, and how hard was tried. */
static void add_head(const lic_png_pack *p, struct stripe *s)
{
    const bool fast = p->strategy == Z_RLE;
    s->out[0] = 0x78;
    s->out[1] = fast ? 0x01 : 0x5E;
}

static void add_tail(const lic_png_pack *p, struct stripe *s)
{
    uint8_t *to = s->out + HEAD + s->bytes;
    for (int i = 0; i < TAIL; i++)
        to[i] = (uint8_t)(p->check >> (24 - 8 * i));
    s->bytes += TAIL;
}

static void copy_row(const lic_png_pack *p, const uint8_t *row, uint8_t *to)
{
    if (!p->swaps) {
        memcpy(to, row, p->row_bytes);
        return;
    }
    for (size_t i = 0; i < p->row_bytes; i += 2) {
        to[i] = row[i + 1];
        to[i + 1] = row[i];
    }
}

int lic_png_pack_row(lic_png_pack *p, const void *row)
{
    if (p->held == p->rows * (uint32_t)p->n_stripes) { /* these were taken */
        memcpy(p->raw, row_at(p, p->held), p->row_bytes);
        p->done += p->held;
        p->held = 0;
    }
    copy_row(p, row, row_at(p, ++p->held));
    const bool whole = p->done + p->held == p->height;
    if (!whole && p->held < p->rows * (uint32_t)p->n_stripes)
        return 0;
    const int n = compress_all(p);
    if (n > 0 && p->done == 0)
        add_head(p, &p->stripes[0]);
    if (n > 0 && whole)
        add_tail(p, &p->stripes[n - 1]);
    return n;
}

const uint8_t *lic_png_pack_piece(const lic_png_pack *p, int i, size_t *bytes)
{
    const struct stripe *s = &p->stripes[i];
    const bool head = p->done == 0 && i == 0;
    *bytes = s->bytes + (head ? HEAD : 0);
    return s->out + (head ? 0 : HEAD);
}

static void *take(void *user, uInt n, uInt bytes)
{
    (void)user;
    return lic_pages_take((size_t)n * bytes);
}

static void give_back(void *user, void *block)
{
    (void)user;
    free(block);
}

static bool set_up(struct stripe *s, const lic_png_pack *p)
{
    const size_t stripe = p->rows * (p->row_bytes + 1);
    s->pack = p;
    s->z = (z_stream){.zalloc = take, .zfree = give_back};
    if (deflateInit2(&s->z, LEVEL, Z_DEFLATED, -15, 8, p->strategy) != Z_OK)
        return false;
    s->room = deflateBound(&s->z, (uLong)stripe) + HEAD + TAIL + MORE;
    s->line = malloc(p->row_bytes + 1);
    s->out = malloc(s->room);
    return s->line && s->out;
}

lic_png_pack *lic_png_pack_new(const lic_png_shape *shape, int threads)
{
    const uint16_t one = 1;
    const int most = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
    lic_png_pack *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->pixel_bytes = shape->channels * (shape->depth / 8);
    p->row_bytes = shape->width * p->pixel_bytes;
    p->swaps = shape->depth == 16 && *(const uint8_t *)&one;
    p->height = shape->height;
    p->check = adler32(0, NULL, 0);
    /* With 16 bits hardly any byte repeats, so zlib looks only for runs. */
    p->strategy = shape->depth == 16 ? Z_RLE : Z_DEFAULT_STRATEGY;
    p->rows = (uint32_t)(STRIPE_BYTES / (p->row_bytes + 1));
    p->rows = p->rows < 1 ? 1 : p->rows < p->height ? p->rows : p->height;
    const uint32_t stripes = (p->height + p->rows - 1) / p->rows;
    p->n_stripes = stripes < (uint32_t)most ? (int)stripes : most;
    p->raw = lic_pages_take(((size_t)p->rows * (size_t)p->n_stripes + 1) * p->row_bytes);
    bool good = p->raw != NULL;
    if (good)
        memset(p->raw, 0, p->row_bytes); /* above the first row */
    for (int i = 0; i < p->n_stripes && good; i++)
        good = set_up(&p->stripes[i], p);
    if (good)
        return p;
    lic_png_pack_free(p);
    return NULL;
}

void lic_png_pack_free(lic_png_pack *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n_stripes; i++) {
        (void)deflateEnd(&p->stripes[i].z); /* harmless if it was not begun */
        free(p->stripes[i].line);
        free(p->stripes[i].out);
    }
    free(p->raw);
    free(p);
}
