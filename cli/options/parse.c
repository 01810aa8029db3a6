/* parse.c - parses the command line by the table in table.c. Options may stand anywhere, "--" ends
 * them, names are not abbreviated. A mistake gets one line that names the word, with the nearest
 * known word if there is one. */
#include "cli/base/files.h"
#include "cli/options/options.h"
#include "cli/options/read_value.h"

#include "cli/base/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct parser {
    int argc, at;
    char **argv;
    lic_settings *settings;
    const lic_option *used[64]; /* checked once the command is known */
    int n_used;
};

/* ---- hints ---- */

/* Number of letters to change, add, drop or swap to get from a to b. Words longer than the rows
 * never match. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 24 };
    int rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    size_t na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= nb; j++)
        last[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = best < last[j] + 1 ? best : last[j] + 1;
            best = best < now[j - 1] + 1 ? best : now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = best < before[j - 2] + 1 ? best : before[j - 2] + 1;
            now[j] = best;
        }
        int *spare = before;
        before = last, last = now, now = spare;
    }
    return last[nb];
}

/* A hint is worth giving if most of the word is right. */
static bool is_near(int changes, const char *word)
{
    return changes <= 2 && (size_t)changes * 2 < strlen(word) + 1;
}

static const char *nearest_option(const char *word)
{
    const char *best = NULL;
    int least = 99;
    for (const lic_option *o = lic_options_table; o->name && strlen(word) > 2; o++)
        if (strncmp(o->name, word, strlen(word)) == 0)
            return o->name; /* abbreviations are not accepted, but give a good hint */
    for (const lic_option *o = lic_options_table; o->name; o++) {
        int changes = distance(word, o->name);
        if (*o->name && changes < least) {
            least = changes;
            best = o->name;
        }
    }
    return is_near(least, word) ? best : NULL;
}

static const char *nearest_command(const char *word)
{
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        if (is_near(distance(word, c->name), word))
            return c->name;
    return NULL;
}

/* ---- values ---- */

/* Which word of the list it is, -1: none. */
static int word_number(const char *list, const char *text)
{
    for (int i = 0;; i++) {
        const size_t n = strcspn(list, ",");
        if (strlen(text) == n && memcmp(list, text, n) == 0)
            return i;
        if (!list[n])
            return -1;
        list += n + 1;
    }
}

static const char *set_whole(const lic_option *o, int *field, const char *text)
{
    static char wanted[64];
    long value;
    if (lic_read_whole(text, o->least, o->most, &value)) {
        *field = (int)value;
        return NULL;
    }
    snprintf(wanted, sizeof wanted, "a number from %ld to %ld", o->least, o->most);
    return wanted;
}

static const char *set_word(const lic_option *o, lic_settings *s, int *field, const char *text)
{
    const int number = word_number(o->value, text);
    if (number < 0)
        return lic_any_of(o->value);
    *field = (int)(o->least + number * o->most);
    return o->set ? o->set(s, text) : NULL;
}

/* Sets what the option says. Returns NULL, or what is wanted instead of a wrong text. */
static const char *set_option(const lic_option *o, lic_settings *s, const char *text)
{
    void *field = (char *)s + o->field;
    switch (o->kind) {
    case LIC_OPTION_FLAG:
        *(bool *)field = true;
        return NULL;
    case LIC_OPTION_SWITCH:
        *(int *)field = (int)o->least;
        return NULL;
    case LIC_OPTION_TEXT:
        *(const char **)field = text;
        return *text ? NULL : "a name";
    case LIC_OPTION_WHOLE:
        return set_whole(o, field, text);
    case LIC_OPTION_WORD:
        return set_word(o, s, field, text);
    default:
        return o->set(s, text);
    }
}

/* ---- options ---- */

static bool unknown(const char *word, const char *name)
{
    const char *near = nearest_option(name);
    if (access(word, F_OK) == 0)
        return lic_report_error(NULL, "'%s': unknown option; ./%s would be the file", word, word);
    if (near)
        return lic_report_error(NULL, "'%s': unknown option; did you mean --%s?", word, near);
    return lic_report_error(NULL, "'%s': unknown option; lic --help lists them", word);
}

static bool apply(struct parser *p, const lic_option *option, const char *word, const char *value)
{
    if (p->n_used == (int)(sizeof p->used / sizeof *p->used))
        return lic_report_error(NULL, "too many options");
    p->used[p->n_used++] = option;
    const char *wanted = set_option(option, p->settings, value);
    return !wanted ||
           lic_report_error(NULL, "%s: '%s' is not %s", word, value ? value : "", wanted);
}

/* The value that follows as a separate word. If there is none, prints that and returns NULL. */
static const char *next_word(struct parser *p, const char *word)
{
    if (p->at + 1 < p->argc)
        return p->argv[++p->at];
    lic_report_error(NULL, "%s: needs a value", word);
    return NULL;
}

static bool parse_long(struct parser *p, char *word)
{
    char *equals = strchr(word, '=');
    const char *value = equals ? equals + 1 : NULL;
    if (equals)
        *equals = 0; /* argv is ours to write to */
    const lic_option *o = lic_option_named(word + 2, strlen(word + 2));
    if (!o)
        return unknown(word, word + 2);
    if (!o->value && value)
        return lic_report_error(NULL, "%s: takes no value", word);
    if (o->value && !o->value_optional && !value)
        value = next_word(p, word);
    if (o->value && !o->value_optional && !value)
        return false;
    return apply(p, o, word, value);
}

/* "-vf", "-q50", "-q 50". */
static bool parse_letters(struct parser *p, const char *word)
{
    if (lic_option_named(word + 1, strlen(word + 1))) /* or -format would be -f -o rmat */
        return unknown(word, word + 1);
    for (const char *letter = word + 1; *letter; letter++) {
        const char shown[] = {'-', *letter, 0};
        const lic_option *o = lic_option_lettered(*letter);
        if (!o)
            return unknown(word, letter == word + 1 ? letter : "");
        if (!o->value) {
            if (!apply(p, o, shown, NULL))
                return false;
            continue;
        }
        const char *value = letter[1] ? letter + 1 : next_word(p, shown);
        return value && apply(p, o, shown, value);
    }
    return true;
}

/* ---- words ---- */

static bool parse_command(lic_settings *s, const char *word)
{
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        if (strcmp(c->name, word) == 0) {
            s->command = c->command;
            return true;
        }
    const char *near = nearest_command(word);
    if (near)
        return lic_report_error(NULL, "'%s': unknown command; did you mean %s?", word, near);
    if (strchr(word, '.'))
        return lic_report_error(NULL, "'%s': a command comes first: lic encode, decode, info ...",
                                word);
    return lic_report_error(NULL, "'%s': unknown command; lic -h lists them", word);
}

static bool parse_word(struct parser *p, char *word)
{
    lic_settings *s = p->settings;
    if (s->command == LIC_COMMAND_NONE)
        return parse_command(s, word);
    if (!*word)
        return lic_report_error(NULL, "a file name is empty");
    s->files[s->n_files++] = word;
    return true;
}

/* Once the command is known, refuses what it does not take. */
static bool check_words(const lic_settings *s, const lic_command_row *c)
{
    if (s->n_files > c->max_files)
        return lic_report_error(NULL, "'%s': one name too many", s->files[c->max_files]);
    if (s->n_qualities > 1 && s->command != LIC_COMMAND_SWEEP)
        return lic_report_error(NULL, "-q: one number from 0 to 100; lists are for lic sweep");
    if (s->test && s->no_check)
        return lic_report_error(NULL, "--test and --no-check contradict each other");
    if (s->lossless && (s->rate_given || s->model))
        return lic_report_error(NULL, "%s has one size only, and no model: give it alone",
                                s->near ? "--near" : "--lossless");
    if (s->rate_given & (s->rate_given - 1))
        return lic_report_error(NULL,
                                "one of -q, --lambda and --target-...: they say the same thing");
    return true;
}

/* Coding keeps transparency unless told otherwise; measuring has no place for it. */
static bool settle_alpha(lic_settings *s)
{
    const bool codes = s->command == LIC_COMMAND_ENCODE || s->command == LIC_COMMAND_DECODE;
    if (codes && s->read.alpha == LIC_ALPHA_REFUSE)
        s->read.alpha = LIC_ALPHA_KEEP;
    if (s->command == LIC_COMMAND_BENCH && s->read.alpha == LIC_ALPHA_REFUSE)
        s->read.alpha = LIC_ALPHA_DROP; /* nothing is lost, as nothing is written */
    if (codes || s->read.alpha != LIC_ALPHA_KEEP)
        return true;
    return lic_report_error(NULL,
                            "--alpha=keep: only colours are compared here; drop or blend=RRGGBB");
}

static bool check_used(const struct parser *p)
{
    const lic_settings *s = p->settings;
    const lic_command_row *c = lic_options_command(s->command);
    for (int i = 0; i < p->n_used && c; i++)
        if (!(p->used[i]->commands & s->command))
            return lic_report_error(NULL, "--%s: not an option of lic %s", p->used[i]->name,
                                    c->name);
    return !c || check_words(s, c);
}

static bool read_variable(lic_settings *s, const char *variable, const char *option)
{
    const char *text = getenv(variable);
    if (!text || !*text)
        return true;
    const char *wanted = set_option(lic_option_named(option, strlen(option)), s, text);
    return !wanted || lic_report_error(NULL, "%s: '%s' is not %s", variable, text, wanted);
}

static void set_defaults(lic_settings *s, char **argv)
{
    lic_options library;
    lic_encode_options encode;
    lic_options_init(&library);
    lic_encode_options_init(&encode);
    *s = (lic_settings){.files = argv, /* words are read before they are written over */
                        .quality = encode.quality,
                        .reps = 5,
                        .max_work = library.max_work,
                        .read = {.max_pixels = library.max_pixels, .metadata = LIC_META_ALL}};
}

/* The command that the program's own name gives: links named clic and dlic encode and decode. */
static lic_command command_of_name(const char *name)
{
    name = name ? lic_file_base_name(name) : "";
    if (strcmp(name, "clic") == 0)
        return LIC_COMMAND_ENCODE;
    return strcmp(name, "dlic") == 0 ? LIC_COMMAND_DECODE : LIC_COMMAND_NONE;
}

bool lic_options_parse(int argc, char **argv, lic_settings *settings)
{
    struct parser p = {.argc = argc, .argv = argv, .settings = settings};
    bool words_only = false;
    set_defaults(settings, argv);
    if (!read_variable(settings, "LIC_THREADS", "threads") ||
        !read_variable(settings, "LIC_CPU", "cpu"))
        return false;
    settings->command = command_of_name(argc > 0 ? argv[0] : NULL);
    for (p.at = 1; p.at < argc; p.at++) {
        char *word = argv[p.at];
        bool ok;
        if (words_only || word[0] != '-' || !word[1])
            ok = parse_word(&p, word);
        else if (strcmp(word, "--") == 0)
            ok = words_only = true;
        else
            ok = word[1] == '-' ? parse_long(&p, word) : parse_letters(&p, word);
        if (!ok)
            return false;
    }
    return check_used(&p) && settle_alpha(settings);
}
