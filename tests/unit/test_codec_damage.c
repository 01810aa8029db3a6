/* test_codec_damage.c - streams that were damaged, cut or written with another model: the decoder
 * says so and gives no picture, whether the checksum shows it or only the latents. */
#include "tests/unit/codec_fixture.h"
#include "tests/unit/seal.h"

TEST(codec_a_byte_flipped_anywhere)
{
    lic_image p = make_picture(60, 30, 3, 8), out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_session *decoder = NULL;
    const lic_options options = with_threads(1);
    lic_error err;
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    for (size_t i = 0; i < file.bytes; i++) {
        const uint8_t flip = (uint8_t)(1 + test_random_below(255));
        file.data[i] ^= flip;
        err = (lic_error){0};
        const lic_status status =
            lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err);
        CHECK(status >= LIC_ERR_NOT_LIC && status < LIC_ERR_MEMORY && err.text[0]);
        CHECK(out.data == NULL);
        file.data[i] ^= flip;
    }
    for (size_t n = 0; n < file.bytes; n++) {
        CHECK(lic_session_decode(decoder, file.data, n, NULL, &out, &err) != LIC_OK);
        CHECK(out.data == NULL);
    }
    CHECK_EQ_INT(lic_session_decode(decoder, file.data, file.bytes, NULL, &out, &err), LIC_OK);
    lic_image_free(&out);
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}

/* Damage under a right checksum: the latents, or the check of them. Never a picture. */
static void check_sealed_damage(lic_session *decoder, const lic_buffer *file, size_t crc_at,
                                size_t at)
{
    uint8_t copy[2000];
    lic_image out;
    lic_error err;
    REQUIRE(file->bytes <= sizeof copy);
    memcpy(copy, file->data, file->bytes);
    copy[at] ^= (uint8_t)(1 + test_random_below(255));
    seal(copy, file->bytes, crc_at);
    const lic_status status = lic_session_decode(decoder, copy, file->bytes, NULL, &out, &err);
    if (test_failed(status == LIC_ERR_CORRUPT || status == LIC_ERR_MISMATCH))
        printf("byte %zu of %zu: %s\n", at, file->bytes, lic_status_name(status));
    lic_image_free(&out);
}

TEST(codec_damaged_latents_under_a_right_checksum)
{
    lic_image p = make_picture(60, 30, 3, 8);
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_session *decoder = NULL;
    const lic_options options = with_threads(1);
    lic_info info;
    lic_error err;
    REQUIRE(lic_probe(file.data, file.bytes, &info, &err) == LIC_OK);
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    const size_t first = file.bytes - info.latent_bytes; /* checksum, then latents, end the file */
    for (size_t at = first; at < file.bytes; at++)
        check_sealed_damage(decoder, &file, first - 4, at);
    for (size_t at = first - 8; at < first - 4; at++) /* the check of the latents */
        check_sealed_damage(decoder, &file, first - 4, at);
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}

/* With no_check: another check changes nothing; damaged code is refused or gives some picture. */
TEST(codec_without_the_check_of_the_latents)
{
    lic_image p = make_picture(60, 30, 3, 8), want, out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_session *decoder = NULL;
    lic_decode_options no_check;
    const lic_options options = with_threads(1);
    lic_info info;
    lic_error err;
    lic_decode_options_init(&no_check);
    no_check.no_check = 1;
    REQUIRE(lic_probe(file.data, file.bytes, &info, &err) == LIC_OK);
    REQUIRE(lic_session_new(tiny_model(), &options, &decoder, &err) == LIC_OK);
    REQUIRE(lic_session_decode(decoder, file.data, file.bytes, NULL, &want, &err) == LIC_OK);
    const size_t first = file.bytes - info.latent_bytes;
    for (size_t at = first - 8; at < file.bytes; at += at + 1 == first - 4 ? 5 : 1) {
        const uint8_t flip = (uint8_t)(1 + test_random_below(255));
        file.data[at] ^= flip;
        seal(file.data, file.bytes, first - 4);
        const lic_status status =
            lic_session_decode(decoder, file.data, file.bytes, &no_check, &out, &err);
        if (at < first - 4) {
            REQUIRE(status == LIC_OK);
            CHECK(memcmp(out.data, want.data, want.stride_bytes * want.height) == 0);
        } else {
            CHECK(status == LIC_OK || status == LIC_ERR_CORRUPT);
        }
        lic_image_free(&out);
        file.data[at] ^= flip;
    }
    lic_image_free(&want);
    lic_session_free(decoder);
    lic_buffer_free(&file);
    free(p.data);
}

TEST(codec_wrong_model)
{
    lic_image p = make_picture(20, 20, 3, 8), out;
    lic_buffer file = encode_tiny(tiny_model(), &p, NULL, 30);
    lic_info info;
    lic_error err;
    char want[9];
    REQUIRE(lic_probe(file.data, file.bytes, &info, &err) == LIC_OK);
    lic_model_info own;
    lic_model_get_info(tiny_model(), &own);
    CHECK(info.model_id == (uint32_t)own.hash);
    snprintf(want, sizeof want, "%08x", (unsigned)info.model_id ^ 1);
    const size_t crc_at = file.bytes - info.latent_bytes - 4;
    for (size_t at = 4; at < crc_at; at++) { /* the id is somewhere in the head */
        uint32_t id;
        memcpy(&id, file.data + at, 4);
        if (id == info.model_id) {
            file.data[at] ^= 1;
            break;
        }
    }
    seal(file.data, file.bytes, crc_at);
    CHECK_EQ_INT(lic_decode(tiny_model(), file.data, file.bytes, NULL, NULL, &out, &err),
                 LIC_ERR_MODEL_WRONG);
    CHECK(strstr(err.text, want) != NULL && strstr(err.text, "tiny") != NULL);
    CHECK(out.data == NULL);
    lic_buffer_free(&file);
    free(p.data);
}
