/* test_texts.c - comments, texts and IPTC of pictures: encodings, the chunk, Photoshop's resources,
 * and round trips through PNG and JPEG files; damaged texts are left out, or stay as they are. */
#include "cli/picture/iptc.h"
#include "cli/picture/texts.h"
#include "tests/cli/png_fixture.h"
#include "tests/test.h"

static const lic_read_options keep = {.max_pixels = 64, .metadata = LIC_META_ALL};

/* ---- encodings ---- */

TEST(latin1_goes_to_utf8_and_back)
{
    char all[256] = {0};
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    char *utf8 = lic_utf8_of_latin1(all, sizeof all);
    REQUIRE(utf8);
    CHECK_EQ_INT(strlen(utf8), 127 + 2 * 128);
    CHECK(strstr(utf8, "\xC3\xBF"));
    CHECK(lic_latin1_of_utf8(utf8));
    CHECK_EQ_STR(utf8, all);
    free(utf8);
}

TEST(what_latin1_lacks_stays_utf8)
{
    static const char *const others[] = {"\xC4\x80", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < 3; i++) {
        char text[8];
        strcpy(text, others[i]);
        CHECK(!lic_latin1_of_utf8(text));
        CHECK_EQ_STR(text, others[i]);
        char *same = lic_utf8_of_unknown(text, sizeof text);
        CHECK_EQ_STR(same, text);
        free(same);
    }
}

TEST(what_is_no_utf8_is_latin1)
{
    static const struct {
        const char *text, *utf8;
    } bad[] = {
        {"\xFC", "\xC3\xBC"},
        {"a\xE2\x82", "a\xC3\xA2\xC2\x82"},                       /* cut */
        {"\xC0\xAF", "\xC3\x80\xC2\xAF"},                         /* too long */
        {"\xED\xA0\x80", "\xC3\xAD\xC2\xA0\xC2\x80"},             /* a surrogate */
        {"\xF4\x90\x80\x80", "\xC3\xB4\xC2\x90\xC2\x80\xC2\x80"}, /* beyond U+10FFFF */
        {"\x80", "\xC2\x80"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *utf8 = lic_utf8_of_unknown(bad[i].text, strlen(bad[i].text));
        CHECK_EQ_STR(utf8, bad[i].utf8);
        free(utf8);
    }
}

/* ---- the chunk ---- */

TEST(texts_come_out_as_they_went_in)
{
    static const lic_text in[] = {{"Comment", "", "", "one"}, {"Title", "de", "Titel", ""}};
    lic_blob texts = {0};
    lic_text out;
    size_t at = 0;
    CHECK(lic_texts_add(&texts, &in[0]) && lic_texts_add(&texts, &in[1]));
    CHECK_EQ_INT(texts.bytes, 14 + 16);
    for (int i = 0; i < 2; i++) {
        REQUIRE(lic_texts_next(&texts, &at, &out));
        CHECK_EQ_STR(out.keyword, in[i].keyword);
        CHECK_EQ_STR(out.language, in[i].language);
        CHECK_EQ_STR(out.translated, in[i].translated);
        CHECK_EQ_STR(out.text, in[i].text);
    }
    CHECK(!lic_texts_next(&texts, &at, &out));
    for (size_t cut = 0; cut < texts.bytes; cut++) { /* the last text is gone, or both are */
        lic_blob part = {malloc(cut + 1), cut};
        memcpy(part.data, texts.data, cut);
        at = 0;
        CHECK_EQ_INT(lic_texts_next(&part, &at, &out), cut >= 14);
        CHECK(!lic_texts_next(&part, &at, &out));
        free(part.data);
    }
    free(texts.data);
}

/* ---- Photoshop's resources ---- */

/* Another resource with a name, a caption, and a third one. */
static const uint8_t resources[] = "8BIM\4\3\5names\0\0\0\3abc\0"
                                   "8BIM\4\4\0\0\0\0\0\7\x1c\2\x78\0\2hi\0"
                                   "8BIM\4\45\0\0\0\0\0\2xy";
enum { N_RESOURCES = sizeof resources - 1, CAPTION_BYTES = 7 };

TEST(data_sets_are_found_among_resources)
{
    uint8_t *data = malloc(N_RESOURCES);
    for (size_t bytes = 0; bytes <= N_RESOURCES; bytes++) { /* however it is cut */
        uint8_t *cut = data + N_RESOURCES - bytes;          /* so that a sanitizer sees the end */
        memcpy(cut, resources, bytes);
        const lic_blob iptc = lic_iptc_find(cut, bytes);
        CHECK_EQ_INT(iptc.bytes, bytes >= 20 + 12 + CAPTION_BYTES ? CAPTION_BYTES : 0);
        CHECK(!iptc.data || memcmp(iptc.data, "\x1c\2\x78\0\2hi", CAPTION_BYTES) == 0);
    }
    free(data);
}

TEST(data_sets_alone_and_what_is_none)
{
    uint8_t alone[] = {0x1c, 2, 5, 0, 0}, empty[] = "8BIM\4\4\0\0\0\0\0\0", other[] = "8BPS\4\4";
    CHECK_EQ_INT(lic_iptc_find(alone, sizeof alone).bytes, sizeof alone);
    CHECK(!lic_iptc_find(empty, sizeof empty - 1).data);
    CHECK(!lic_iptc_find(other, sizeof other).data);
    CHECK(!lic_iptc_find(NULL, 0).data);
}

TEST(resources_and_digits_there_and_back)
{
    static uint8_t data[100];
    for (size_t n = 1; n <= sizeof data; n++) {
        data[n - 1] = (uint8_t)(n == 1 ? 0x1c : n * 37);
        const lic_blob iptc = {data, n}, wrapped = lic_iptc_wrap(&iptc);
        REQUIRE(wrapped.data);
        CHECK_EQ_INT(wrapped.bytes, 12 + n + n % 2);
        char *digits = lic_iptc_digits(&wrapped);
        lic_blob again;
        REQUIRE(lic_raw_profile_of_digits(digits, &again) && again.bytes == wrapped.bytes);
        CHECK_EQ_MEM(again.data, wrapped.data, again.bytes);
        const lic_blob found = lic_iptc_find(again.data, again.bytes);
        CHECK_EQ_INT(found.bytes, n);
        CHECK(found.data && memcmp(found.data, data, n) == 0);
        free(again.data);
        free(digits);
        free(wrapped.data);
    }
}

TEST(digits_that_are_none)
{
    static const char *const bad[] = {"",
                                      "\niptc",
                                      "\niptc\n",
                                      "\niptc\n 2\n1c0",
                                      "\niptc\n",
                                      "\niptc\n1\n1g",
                                      "\niptc\n0\n1c",
                                      "\niptc\n-1\n1c",
                                      "iptc",
                                      "\niptc\n99999999999999999999\n1c"};
    lic_blob found;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(lic_raw_profile_of_digits(bad[i], &found) && !found.data);
    CHECK(lic_raw_profile_of_digits("\n\nIPTC profile\n  2\n1C0\nf\n", &found));
    CHECK_EQ_INT(found.bytes, 2);
    CHECK(found.data && found.data[0] == 0x1c && found.data[1] == 0x0f);
    free(found.data);
}

/* ---- files ---- */

static uint8_t file[1 << 18];

static void must(bool ok)
{
    if (!ok)
        abort();
}

static uint8_t *begin_png(void)
{
    return put_png_head(file, 1, 1, 8, 0, 0);
}

static lic_picture end_png(uint8_t *at)
{
    lic_picture p;
    lic_error err;
    at = put_chunk(put_pixels(at, (const uint8_t[]){0, 9}, 2), "IEND", NULL, 0);
    must(lic_picture_read(file, (size_t)(at - file), &keep, &p, &err) == LIC_OK);
    return p;
}

/* Written, freed and read again. */
static lic_picture through(lic_picture *p, lic_picture_format format, char *warning, char *note)
{
    char *data;
    size_t bytes;
    lic_error err;
    lic_picture again;
    FILE *out = open_memstream(&data, &bytes);
    p->warning[0] = p->note[0] = 0;
    must(lic_picture_write(out, format, p, &err) == LIC_OK);
    fclose(out);
    strcpy(warning, p->warning);
    strcpy(note, p->note);
    lic_picture_free(p);
    must(lic_picture_read((const uint8_t *)data, bytes, &keep, &again, &err) == LIC_OK);
    free(data);
    return again;
}

static int count(const lic_picture *p)
{
    int n = 0;
    lic_text text;
    for (size_t at = 0; lic_texts_next(&p->meta[LIC_META_TEXT], &at, &text);)
        n++;
    return n;
}

TEST(texts_of_png_survive_png)
{
    static const char latin[] = "Author\0J\xF6rg", greek[] = "Title\0\0\0el\0\xCE\x91\0\xCE\xA9",
                      plain[] = "Source\0\0\0\0\0na\xC3\xAFve";
    char *longest = malloc(5000), warning[160], note[160];
    uint8_t *at = begin_png();
    at = put_chunk(at, "tEXt", latin, sizeof latin - 1);
    at = put_chunk(at, "iTXt", greek, sizeof greek - 1);
    at = put_chunk(at, "iTXt", plain, sizeof plain - 1);
    memset(longest, 'x', 5000);
    memcpy(longest, "Warning", 8);
    lic_picture p = end_png(put_chunk(at, "tEXt", longest, 5000));
    CHECK_EQ_INT(count(&p), 4);
    CHECK_EQ_MEM(p.meta[LIC_META_TEXT].data,
                 "Author\0\0\0J\xC3\xB6rg\0Title\0el\0\xCE\x91\0\xCE\xA9",
                 sizeof "Author\0\0\0J\xC3\xB6rg\0Title\0el\0\xCE\x91\0\xCE\xA9");
    lic_blob before = p.meta[LIC_META_TEXT];
    p.meta[LIC_META_TEXT].data = malloc(before.bytes);
    memcpy(p.meta[LIC_META_TEXT].data, before.data, before.bytes);
    p = through(&p, LIC_FORMAT_PNG, warning, note);
    CHECK_EQ_STR(warning, "");
    REQUIRE(p.meta[LIC_META_TEXT].bytes == before.bytes);
    CHECK_EQ_MEM(p.meta[LIC_META_TEXT].data, before.data, before.bytes);
    free(before.data);
    free(longest);
    lic_picture_free(&p);
}

/* Compressed texts are bounded in number, others are not. */
TEST(many_texts)
{
    static const char text[] = "Comment\0again";
    uint8_t packed[64] = "Comment\0";
    uLongf bytes = sizeof packed - 9;
    REQUIRE(compress(packed + 9, &bytes, (const uint8_t *)"again", 5) == Z_OK);
    uint8_t *at = begin_png();
    for (int i = 0; i < 1000; i++)
        at = put_chunk(at, "tEXt", text, sizeof text - 1);
    for (int i = 0; i < 16; i++)
        at = put_chunk(at, "zTXt", packed, 9 + bytes);
    lic_picture p = end_png(at);
    CHECK_EQ_INT(count(&p), 1016);
    CHECK_EQ_STR(p.warning, "");
    lic_picture_free(&p);
    p = end_png(put_chunk(at, "zTXt", packed, 9 + bytes));
    CHECK(count(&p) < 1017);
    CHECK(p.warning[0]);
    lic_picture_free(&p);
}

TEST(keywords_that_png_does_not_have)
{
    static const char *const bad[] = {"", " a", "a ", "a  b", "a\nb", "\xE2\x82\xAC", "\xC2\xA0"};
    char warning[160], note[160], longest[81];
    memset(longest, 'k', 80);
    longest[80] = 0;
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        lic_picture p = end_png(begin_png());
        const lic_text text = {i ? bad[i - 1] : longest, "", "", "x"}, good = {"a b", "", "", "y"};
        REQUIRE(lic_texts_add(&p.meta[LIC_META_TEXT], &text));
        REQUIRE(lic_texts_add(&p.meta[LIC_META_TEXT], &good));
        p = through(&p, LIC_FORMAT_PNG, warning, note);
        CHECK(strstr(warning, "PNG has no such keywords"));
        CHECK_EQ_INT(count(&p), 1);
        lic_picture_free(&p);
    }
}

TEST(comments_go_between_png_and_jpeg)
{
    static const char comment[] = "Comment\0gr\xFC\xDF", title[] = "Title\0x";
    char warning[160], note[160];
    uint8_t *at = put_chunk(begin_png(), "tEXt", title, sizeof title - 1);
    lic_picture p = end_png(put_chunk(at, "tEXt", comment, sizeof comment - 1));
    p = through(&p, LIC_FORMAT_JPEG, warning, note);
    CHECK_EQ_STR(note, "text 'Title' is left out: a JPEG file has comments only");
    CHECK_EQ_INT(count(&p), 1);
    p = through(&p, LIC_FORMAT_PNG, warning, note);
    p = through(&p, LIC_FORMAT_JPEG, warning, note);
    CHECK_EQ_MEM(p.meta[LIC_META_TEXT].data, "Comment\0\0\0gr\xC3\xBC\xC3\x9F",
                 sizeof "Comment\0\0\0gr\xC3\xBC\xC3\x9F");
    CHECK_EQ_STR(warning, "");
    CHECK_EQ_STR(note, "");
    lic_picture_free(&p);
}

TEST(iptc_goes_between_png_and_jpeg)
{
    static const char good[] =
        "Raw profile type 8bim\0\n8bim\n 14\n3842494d0404000000000002 1c02\n";
    static const char bad[] = "Raw profile type iptc\0\niptc\n 14\nnone";
    char warning[160], note[160];
    uint8_t *at = put_chunk(begin_png(), "tEXt", bad, sizeof bad - 1);
    lic_picture p = end_png(put_chunk(at, "tEXt", good, sizeof good - 1));
    CHECK_EQ_INT(count(&p), 1); /* what cannot be read as IPTC stays a text */
    for (int i = 0; i < 4; i++) {
        REQUIRE(p.meta[LIC_META_IPTC].bytes == 2);
        CHECK_EQ_MEM(p.meta[LIC_META_IPTC].data, "\x1c\2", 2);
        p = through(&p, i % 2 ? LIC_FORMAT_JPEG : LIC_FORMAT_PNG, warning, note);
        CHECK_EQ_STR(warning, "");
    }
    lic_picture_free(&p);
}

TEST(texts_of_more_than_a_megabyte_are_left_out)
{
    lic_picture p = {0};
    lic_error err = {0};
    char *long_text = malloc(LIC_TEXTS_MOST);
    const lic_text text = {"Comment", "", "", long_text}, small = {"Title", "", "", "x"};
    memset(long_text, 'a', LIC_TEXTS_MOST);
    long_text[LIC_TEXTS_MOST - 10] = 0;
    CHECK_EQ_INT(lic_picture_add_text(&p, &text, &keep, &err), LIC_OK);
    CHECK(!p.meta[LIC_META_TEXT].data && p.warning[0]);
    long_text[LIC_TEXTS_MOST - 11] = 0;
    p.warning[0] = 0;
    CHECK_EQ_INT(lic_picture_add_text(&p, &text, &keep, &err), LIC_OK);
    CHECK_EQ_INT(p.meta[LIC_META_TEXT].bytes, LIC_TEXTS_MOST);
    CHECK(!p.warning[0]);
    CHECK_EQ_INT(lic_picture_add_text(&p, &small, &keep, &err), LIC_OK);
    CHECK_EQ_INT(count(&p), 1);
    CHECK(p.warning[0]);
    free(long_text);
    lic_picture_free(&p);
}

TEST(what_is_too_long_for_a_jpeg_is_left_out)
{
    char warning[160], note[160];
    static uint8_t data[70000] = {0x1c};
    lic_error err;
    lic_picture p = end_png(begin_png());
    REQUIRE(lic_picture_add_meta(&p, LIC_META_IPTC, data, sizeof data, &keep, &err) == LIC_OK);
    p = through(&p, LIC_FORMAT_JPEG, warning, note);
    CHECK(strstr(warning, "does not fit a JPEG file"));
    CHECK(!p.meta[LIC_META_IPTC].data);
    lic_picture_free(&p);
}
