/* test_metadata.c - round trips of lic_metadata: profile, EXIF, XMP and orientation; EXIF of both
 * byte orders, with and without the tag, and bytes that are not EXIF. */
#include "codec/metadata.h"
#include "tests/unit/codec_fixture.h"

#define SPAN(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* One directory: ImageWidth, Orientation 6, a next directory at 0x11223344. */
static const char big[] = "MM\0*\0\0\0\x08\0\2"
                          "\1\0\0\3\0\0\0\1\0\x10\0\0"
                          "\1\x12\0\3\0\0\0\1\0\6\0\0"
                          "\x11\x22\x33\x44";
/* Two tags, around where orientation would be. */
static const char little[] = "II*\0\x08\0\0\0\2\0"
                             "\0\1\3\0\1\0\0\0\x10\0\0\0"
                             "\x32\1\2\0\4\0\0\0abc\0"
                             "\0\0\0\0";

/* The whole way through a file. */
static lic_status there_and_back(const lic_metadata *m, lic_metadata *out, size_t *n_chunks)
{
    lic_image p = make_picture(20, 20, 3, 8);
    lic_encode_options e = at_quality(20);
    lic_buffer file = {0};
    lic_info info;
    e.metadata = m;
    lic_metadata_init(out);
    lic_status status = lic_encode(tiny_model(), &p, NULL, &e, &file, NULL);
    if (!status) {
        CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
        *n_chunks = info.n_chunks;
        status = lic_metadata_read(&info, NULL, out, NULL);
    }
    lic_buffer_free(&file);
    free(p.data);
    return status;
}

static void check_span(lic_span got, const char *want, size_t bytes)
{
    CHECK_EQ_INT(got.bytes, bytes);
    if (got.bytes == bytes && bytes)
        CHECK_EQ_MEM(got.data, want, bytes);
}

TEST(metadata_comes_back)
{
    lic_metadata m, out;
    size_t n;
    lic_metadata_init(&m);
    CHECK_EQ_INT(there_and_back(&m, &out, &n), LIC_OK);
    CHECK(!out.icc.data && !out.exif.data && !out.xmp.data && n == 0);
    CHECK_EQ_INT(out.orientation, 1);
    lic_metadata_free(&out);
    m.icc = (lic_span)SPAN("a profile");
    m.exif = (lic_span)SPAN(big);
    m.xmp = (lic_span)SPAN("<x/>");
    CHECK_EQ_INT(there_and_back(&m, &out, &n), LIC_OK);
    CHECK_EQ_INT(n, 3);
    check_span(out.icc, "a profile", 9);
    check_span(out.exif, big, sizeof big - 1);
    check_span(out.xmp, "<x/>", 4);
    CHECK_EQ_INT(out.orientation, 6);
    lic_metadata_free(&out);
    CHECK(!out.exif.data && !out.owned && out.struct_bytes == sizeof out);
    lic_metadata_free(&out);
    lic_metadata_free(NULL);
}

static int count_calls(void *user, lic_stage stage, double fraction)
{
    (void)stage, (void)fraction;
    ++*(int *)user;
    return 0;
}

/* Encodes; what cannot be in a file is refused before any work. */
static lic_status encode_early(const lic_image *p, const lic_encode_options *e, lic_buffer *file,
                               lic_error *err)
{
    int calls = 0;
    lic_options o;
    lic_options_init(&o);
    o.progress = count_calls;
    o.progress_user = &calls;
    const lic_status status = lic_encode(tiny_model(), p, &o, e, file, err);
    CHECK((calls > 0) == (status == LIC_OK));
    return status;
}

/* A file has room for so many chunks of all kinds: the caller's, metadata and alpha. */
TEST(all_chunks_count)
{
    lic_image p = make_picture(20, 20, 4, 8);
    lic_encode_options e = at_quality(20);
    lic_metadata m;
    lic_chunk chunks[LIC_MAX_CHUNKS + 1];
    for (int i = 0; i <= LIC_MAX_CHUNKS; i++)
        chunks[i] = (lic_chunk){
            .type = {'t', 'e', 's', (char)('a' + i)}, .data = (const uint8_t *)"x", .bytes = 1};
    lic_metadata_init(&m);
    m.exif = (lic_span)SPAN(big);
    m.xmp = (lic_span)SPAN("<x/>");
    e.metadata = &m;
    e.chunks = chunks;
    for (e.n_chunks = LIC_MAX_CHUNKS - 3; e.n_chunks <= LIC_MAX_CHUNKS + 1; e.n_chunks++) {
        lic_buffer file = {0};
        lic_info info = {0};
        lic_error err = {0};
        const lic_status status = encode_early(&p, &e, &file, &err);
        if (e.n_chunks == LIC_MAX_CHUNKS - 3) {
            CHECK_EQ_INT(status, LIC_OK);
            CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
            CHECK_EQ_INT(info.n_chunks, LIC_MAX_CHUNKS);
        } else {
            CHECK_EQ_INT(status, LIC_ERR_ARGUMENT);
            CHECK(strstr(err.text, "chunks of metadata, the format takes 16"));
        }
        lic_buffer_free(&file);
    }
    free(p.data);
}

/* Alpha takes no place if all is opaque. */
TEST(a_full_list_beside_opaque_alpha)
{
    for (uint32_t depth = 8; depth <= 16; depth += 8)
        for (int opaque = 0; opaque < 2; opaque++) {
            lic_image p = make_picture(20, 20, 2, depth);
            lic_encode_options e = at_quality(20);
            lic_chunk chunks[LIC_MAX_CHUNKS];
            lic_buffer file = {0};
            lic_error err = {0};
            uint8_t *at = p.data;
            for (size_t i = 0; i < 400; i++)
                memset(at + (2 * i + 1) * depth / 8, i < 399 || opaque ? 0xFF : 0x7F, depth / 8);
            for (int i = 0; i < LIC_MAX_CHUNKS; i++)
                chunks[i] = (lic_chunk){.type = "test"};
            e.chunks = chunks;
            e.n_chunks = LIC_MAX_CHUNKS;
            CHECK_EQ_INT(encode_early(&p, &e, &file, &err), opaque ? LIC_OK : LIC_ERR_ARGUMENT);
            lic_buffer_free(&file);
            free(p.data);
        }
}

TEST(what_no_file_can_have)
{
    static const lic_chunk wrong[] = {{.type = "Test"},
                                      {.type = "te\nt"},
                                      {.type = "Exac"},
                                      {.type = "test", .bytes = 1},
                                      {.type = "test", .bytes = LIC_MAX_CHUNK_BYTES + 1}};
    lic_image p = make_picture(20, 20, 3, 8);
    lic_encode_options e = at_quality(20);
    lic_metadata m;
    lic_buffer file = {0};
    lic_error err;
    e.n_chunks = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        e.chunks = &wrong[i];
        CHECK_EQ_INT(encode_early(&p, &e, &file, &err), LIC_ERR_ARGUMENT);
    }
    e.n_chunks = 0;
    e.metadata = &m;
    lic_metadata_init(&m);
    m.orientation = 9;
    CHECK_EQ_INT(encode_early(&p, &e, &file, &err), LIC_ERR_ARGUMENT);
    m.orientation = 6;
    m.exif = (lic_span)SPAN("no EXIF");
    CHECK_EQ_INT(encode_early(&p, &e, &file, &err), LIC_ERR_ARGUMENT);
    m.exif = (lic_span){0};
    CHECK_EQ_INT(encode_early(&p, &e, &file, &err), LIC_OK);
    lic_buffer_free(&file);
    free(p.data);
}

TEST(orientation_by_itself)
{
    for (uint32_t orientation = 1; orientation <= 9; orientation++) {
        lic_metadata m, out;
        size_t n;
        lic_metadata_init(&m);
        m.orientation = orientation;
        const lic_status status = there_and_back(&m, &out, &n);
        CHECK_EQ_INT(status, orientation > 8 ? LIC_ERR_ARGUMENT : LIC_OK);
        if (status)
            continue;
        CHECK_EQ_INT(out.orientation, orientation);
        CHECK_EQ_INT(out.exif.bytes, 26); /* head, number, one entry, no next directory */
        lic_metadata_free(&out);
    }
}

static void check_turned(lic_span exif, uint32_t orientation, const char *want, size_t bytes)
{
    lic_metadata m, out;
    size_t n;
    lic_metadata_init(&m);
    m.exif = exif;
    m.orientation = orientation;
    CHECK_EQ_INT(there_and_back(&m, &out, &n), LIC_OK);
    CHECK_EQ_INT(out.orientation, orientation);
    check_span(out.exif, want, bytes);
    lic_metadata_free(&out);
}

TEST(orientation_in_an_exif)
{
    char turned[sizeof big];
    memcpy(turned, big, sizeof big);
    turned[31] = 3; /* the tag's value */
    check_turned((lic_span)SPAN(big), 3, turned, sizeof big - 1);
    check_turned((lic_span)SPAN(big), 6, big, sizeof big - 1);
    /* A new directory behind the rest, in order of tags, of which the head tells. */
    static const char more[] = "II*\0\x26\0\0\0\2\0"
                               "\0\1\3\0\1\0\0\0\x10\0\0\0"
                               "\x32\1\2\0\4\0\0\0abc\0"
                               "\0\0\0\0"
                               "\3\0"
                               "\0\1\3\0\1\0\0\0\x10\0\0\0"
                               "\x12\1\3\0\1\0\0\0\x08\0\0\0"
                               "\x32\1\2\0\4\0\0\0abc\0"
                               "\0\0\0\0";
    check_turned((lic_span)SPAN(little), 8, more, sizeof more - 1);
}

/* Every byte of an EXIF cut or changed: no byte beyond is read, whatever comes of it. */
TEST(exif_is_hostile)
{
    for (int which = 0; which < 2; which++) {
        const char *from = which ? little : big;
        const size_t whole = which ? sizeof little - 1 : sizeof big - 1;
        for (size_t n = 0; n <= whole; n++)
            for (int flip = -1; flip < (int)n; flip++) {
                uint8_t *copy = malloc(n ? n : 1);
                lic_buffer out = {0};
                REQUIRE(copy);
                memcpy(copy, from, n);
                if (flip >= 0)
                    copy[flip] ^= 0xFF;
                const lic_span exif = {copy, n};
                CHECK(lic_metadata_orientation(exif) <= 8);
                const lic_status status = lic_exif_turn(exif, 5, NULL, &out);
                CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT);
                const lic_span turned = {out.data, out.bytes};
                CHECK(status || lic_metadata_orientation(turned) == 5);
                lic_buffer_free(&out);
                free(copy);
            }
    }
}

TEST(exif_that_is_none_cannot_be_turned)
{
    lic_metadata m, out;
    size_t n;
    lic_metadata_init(&m);
    m.exif = (lic_span)SPAN("no EXIF at all");
    CHECK_EQ_INT(there_and_back(&m, &out, &n), LIC_OK); /* carried as it is */
    CHECK_EQ_INT(out.orientation, 1);
    lic_metadata_free(&out);
    m.orientation = 2;
    CHECK_EQ_INT(there_and_back(&m, &out, &n), LIC_ERR_ARGUMENT);
}

TEST(metadata_keeps_to_limits_and_the_allocator)
{
    lic_image p = make_picture(20, 20, 3, 8);
    lic_encode_options e = at_quality(20);
    lic_metadata m, out;
    lic_buffer file;
    lic_info info;
    counted memory = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &memory};
    lic_options options = with_threads(1);
    lic_metadata_init(&m);
    m.icc = (lic_span)SPAN("a profile");
    m.xmp = (lic_span)SPAN("<x/>");
    e.metadata = &m;
    CHECK_EQ_INT(lic_encode(tiny_model(), &p, NULL, &e, &file, NULL), LIC_OK);
    CHECK_EQ_INT(lic_probe(file.data, file.bytes, &info, NULL), LIC_OK);
    options.allocator = &allocator;
    options.max_memory = 13;
    CHECK_EQ_INT(lic_metadata_read(&info, &options, &out, NULL), LIC_OK);
    lic_metadata_free(&out);
    CHECK(memory.calls > 1 && memory.live == 0);
    const int calls = memory.calls;
    options.max_memory = 12; /* each would fit */
    CHECK_EQ_INT(lic_metadata_read(&info, &options, &out, NULL), LIC_ERR_LIMIT);
    CHECK(!out.icc.data && memory.calls == calls);
    options.max_memory = 0;
    for (int at = 0; at < calls; at++) {
        memory = (counted){.refuse_at = at};
        CHECK_EQ_INT(lic_metadata_read(&info, &options, &out, NULL), LIC_ERR_MEMORY);
        CHECK_EQ_INT(memory.live, 0);
    }
    lic_buffer_free(&file);
    free(p.data);
}
