/* test_structs.c - callers that were compiled with another lic.h: shorter structs get defaults for
 * what they lack, longer ones are accepted if what they add is zero, and no byte beyond a struct is
 * touched. */
#include "tests/unit/codec_fixture.h"

#include <stdbool.h>
#include <stddef.h>

/* The first form of lic_options, with something behind it that must stay as it is. */
struct short_options {
    size_t struct_bytes;
    int threads;
    lic_cpu cpu;
    unsigned char behind[200];
};

struct long_options {
    lic_options known;
    uint64_t later;
};

static bool all_are(const unsigned char *at, size_t n, unsigned char v)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] != v)
            return false;
    return true;
}

static lic_status session_with(const void *options)
{
    lic_session *session = NULL;
    lic_error err = {0};
    const lic_status status = lic_session_new(tiny_model(), options, &session, &err);
    CHECK((session != NULL) == (status == LIC_OK));
    lic_session_free(session);
    return status;
}

TEST(shorter_options_are_filled_up)
{
    struct short_options o;
    memset(&o, 0x5A, sizeof o);
    lic_options_init_sized((lic_options *)(void *)&o, offsetof(struct short_options, behind));
    CHECK(all_are(o.behind, sizeof o.behind, 0x5A));
    CHECK_EQ_INT(o.struct_bytes, offsetof(struct short_options, behind));
    CHECK_EQ_INT(o.threads, 0);
    o.threads = 1;
    CHECK_EQ_INT(session_with(&o), LIC_OK); /* not limited to 0x5A5A... pixels, no allocator */
    o.threads = -1;
    CHECK_EQ_INT(session_with(&o), LIC_ERR_ARGUMENT);
}

TEST(longer_options_are_taken_if_they_ask_for_nothing_new)
{
    struct long_options o;
    memset(&o, 0x5A, sizeof o);
    lic_options_init_sized(&o.known, sizeof o);
    CHECK(o.later == 0 && o.known.struct_bytes == sizeof o);
    CHECK(o.known.max_pixels == LIC_MAX_PIXELS);
    o.known.threads = 1;
    CHECK_EQ_INT(session_with(&o), LIC_OK);
    o.later = 1;
    CHECK_EQ_INT(session_with(&o), LIC_ERR_UNSUPPORTED);
}

TEST(structs_that_nobody_has_initialised)
{
    lic_options o = with_threads(1);
    static const size_t wrong[] = {0, 1, sizeof(size_t) - 1, 1 << 20, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        o.struct_bytes = wrong[i];
        CHECK_EQ_INT(session_with(&o), LIC_ERR_ARGUMENT);
    }
}

/* What comes out, in every length: as in the whole, and nothing beyond. */
#define CHECK_LENGTHS(type, call)                                                                  \
    do {                                                                                           \
        _Alignas(16) unsigned char got[sizeof(type) + 32], whole[sizeof(type)];                    \
        type *to = (type *)(void *)whole;                                                          \
        size_t n = sizeof whole;                                                                   \
        call;                                                                                      \
        to = (type *)(void *)got;                                                                  \
        for (n = sizeof(size_t); n <= sizeof got; n += 8) {                                        \
            memset(got, 0x5A, sizeof got);                                                         \
            call;                                                                                  \
            const size_t same = n < sizeof whole ? n : sizeof whole;                               \
            CHECK_EQ_INT(to->struct_bytes, n);                                                     \
            CHECK_EQ_MEM(got + 8, whole + 8, same - 8);                                            \
            CHECK(all_are(got + same, n - same, 0));                                               \
            CHECK(all_are(got + n, sizeof got - n, 0x5A));                                         \
        }                                                                                          \
    } while (0)

TEST(results_of_every_length)
{
    const lic_options options = with_threads(1);
    lic_image p = make_picture(20, 20, 3, 8);
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_session *session = NULL;
    lic_image out = {0};
    REQUIRE(lic_session_new(tiny_model(), &options, &session, NULL) == LIC_OK);
    REQUIRE(lic_session_decode(session, file.data, file.bytes, NULL, &out, NULL) == LIC_OK);
    CHECK_LENGTHS(lic_model_info, lic_model_get_info_sized(tiny_model(), to, n));
    CHECK_LENGTHS(lic_stats, lic_session_get_stats_sized(session, to, n));
    CHECK_LENGTHS(lic_info,
                  CHECK_EQ_INT(lic_probe_sized(file.data, file.bytes, to, n, NULL), LIC_OK));
    lic_image_free(&out);
    lic_session_free(session);
    lic_buffer_free(&file);
    free(p.data);
}

/* The allocator that made an image frees it, whoever calls. */
TEST(images_know_their_allocator)
{
    counted memory = {.refuse_at = -1};
    const lic_allocator allocator = {counted_alloc, counted_free, &memory};
    lic_options options = with_threads(1);
    lic_image p = make_picture(20, 20, 3, 8), out = {.struct_bytes = sizeof out};
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    options.allocator = &allocator;
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, &options, NULL, &out, NULL),
                 LIC_OK);
    CHECK_EQ_INT(memory.live, 1);
    CHECK_EQ_INT(out.struct_bytes, sizeof out);
    lic_image_free(&out);
    CHECK_EQ_INT(memory.live, 0);
    CHECK(out.data == NULL);
    lic_image_free(&out);
    lic_image_free(NULL);
    lic_buffer_free(&file);
    free(p.data);
}
