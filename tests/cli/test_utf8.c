/* test_utf8.c - text of unknown origin: what is UTF-8, what may be printed of it, and how it goes
 * into CSV and JSON. */
#include "cli/base/json.h"
#include "cli/base/utf8.h"
#include "tests/test.h"

static char *printed(void (*put)(FILE *file, const char *text), const char *text)
{
    static char *data;
    size_t bytes;
    free(data);
    FILE *file = open_memstream(&data, &bytes);
    if (!file)
        abort();
    put(file, text);
    fclose(file);
    return data;
}

static void put_json(FILE *file, const char *text)
{
    lic_json json = {.file = file};
    lic_json_string(&json, NULL, text);
}

TEST(utf8_by_the_letter)
{
    static const struct {
        const char *text;
        long code;
    } cases[] = {
        {"a", 'a'},
        {"\xC3\xBC", 0xFC},
        {"\xE2\x82\xAC", 0x20AC},
        {"\xF0\x9F\x98\x80", 0x1F600},
        {"\xF4\x8F\xBF\xBF", 0x10FFFF},
        {"\xED\x9F\xBF", 0xD7FF},
        {"\xEE\x80\x80", 0xE000},
        {"\xC1\xBF", -1},         /* too long a form */
        {"\xE0\x9F\xBF", -1},     /* the same */
        {"\xF0\x8F\xBF\xBF", -1}, /* the same */
        {"\xED\xA0\x80", -1},     /* a surrogate */
        {"\xED\xBF\xBF", -1},     /* the same */
        {"\xF4\x90\x80\x80", -1}, /* past the end */
        {"\xF8\x88\x80\x80\x80", -1},
        {"\x80", -1},
        {"\xE2\x82", -1},
        {"\xFF", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = cases[i].text;
        CHECK_EQ_INT(lic_utf8_next(&at), cases[i].code);
        CHECK_EQ_INT(at - cases[i].text, cases[i].code < 0 ? 0 : (long)strlen(cases[i].text));
    }
}

TEST(what_is_shown)
{
    for (long code = 1; code < 0x3000; code++) {
        const int hidden = code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x61C ||
                           code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
                           (code >= 0x2066 && code <= 0x2069);
        CHECK_EQ_INT(lic_utf8_is_shown(code), !hidden);
    }
}

static const struct {
    const char *text, *clean, *csv, *json;
} names[] = {
    {"a.png", "a.png", "a.png", "\"a.png\""},
    {"\xC3\xBC \xF0\x9F\x98\x80", "\xC3\xBC \xF0\x9F\x98\x80", "\xC3\xBC \xF0\x9F\x98\x80",
     "\"\xC3\xBC \xF0\x9F\x98\x80\""},
    {"\x1B[2J\a\x7F", "?[2J??", "?[2J??", "\"\\u001b[2J\\u0007\\u007f\""},
    {"a\xC2\x9B"
     "b",
     "a?b", "a?b", "\"a\\u009bb\""},
    {"\x9B\xED\xA0\x80z", "????z", "????z", "\"\\ufffd\\ufffd\\ufffd\\ufffdz\""},
    {"a\xE2\x80\xAE"
     "b",
     "a?b", "a?b", "\"a\\u202eb\""},
    {"a,b", "a,b", "\"a,b\"", "\"a,b\""},
    {"a\"b\\", "a\"b\\", "\"a\"\"b\\\"", "\"a\\\"b\\\\\""},
    {"a\nb", "a?b", "\"a\nb\"", "\"a\\u000ab\""},
    {"a\rb", "a?b", "\"a?b\"", "\"a\\u000db\""},
    {"=1+1", "=1+1", "\"'=1+1\"", "\"=1+1\""},
    {"+1", "+1", "\"'+1\"", "\"+1\""},
    {"-1", "-1", "\"'-1\"", "\"-1\""},
    {"@a", "@a", "\"'@a\"", "\"@a\""},
    {"\t=1", "?=1", "\"'?=1\"", "\"\\u0009=1\""},
    {" a", " a", "\" a\"", "\" a\""},
    {"", "", "", "\"\""},
};

TEST(names_are_written_as_what_they_are)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char copy[64];
        snprintf(copy, sizeof copy, "%s", names[i].text);
        lic_utf8_clean(copy);
        CHECK_EQ_STR(copy, names[i].clean);
        CHECK_EQ_STR(printed(lic_utf8_put, names[i].text), names[i].clean);
        CHECK_EQ_STR(printed(lic_utf8_put_csv, names[i].text), names[i].csv);
        CHECK_EQ_STR(printed(put_json, names[i].text), names[i].json);
    }
    printed(lic_utf8_put, ""); /* nothing stays taken but this */
}

static void put_five(FILE *file, const char *text)
{
    lic_utf8_put_cell(file, text, 5, false);
}

static void put_cut(FILE *file, const char *text)
{
    lic_utf8_put_cell(file, text, 5, true);
}

TEST(cells_count_characters)
{
    CHECK_EQ_STR(printed(put_five, "\xC3\xBC"
                                   "b"),
                 "\xC3\xBC"
                 "b   ");
    CHECK_EQ_STR(printed(put_five, "longer"), "longer");
    CHECK_EQ_STR(printed(put_cut, "longer"), "longe");
    CHECK_EQ_STR(printed(put_cut, "\x1B\x9B"), "??   ");
}

/* Whatever bytes: nothing unshown, and the text does not grow. */
TEST(any_bytes_become_clean)
{
    for (int round = 0; round < 20000; round++) {
        char text[32];
        const size_t n = test_random_below(sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(1 + test_random_below(255));
        text[n] = 0;
        lic_utf8_clean(text);
        CHECK(strlen(text) <= n);
        for (const char *at = text; *at;) {
            const long code = lic_utf8_next(&at);
            CHECK(code >= 0 && lic_utf8_is_shown(code));
            if (code < 0)
                break;
        }
    }
}
