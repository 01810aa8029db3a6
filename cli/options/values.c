/* values.c - see values.h. */
#include "cli/options/values.h"

#include "cli/options/read_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number, or several separated by commas; parse.c refuses several if one is wanted. */
const char *lic_set_quality(lic_settings *s, const char *text)
{
    const char *end;
    for (s->n_qualities = 0;; text = end + 1) {
        double quality;
        end = lic_read_decimal(text, 0, 100, &quality);
        if (!end || (*end && *end != ','))
            return "a number from 0 to 100";
        if (s->n_qualities == LIC_MAX_QUALITIES)
            return "a list of at most 64 numbers";
        s->qualities[s->n_qualities++] = quality;
        if (!*end)
            break;
    }
    s->quality = s->qualities[0];
    s->rate_given |= LIC_BY_QUALITY;
    return NULL;
}

const char *lic_set_lambda(lic_settings *s, const char *text)
{
    s->rate_given |= LIC_BY_LAMBDA;
    return lic_read_real(text, 1e-6, 1000, &s->lambda) ? NULL
                                                       : "a Lagrange multiplier, such as 0.01";
}

const char *lic_set_target_bpp(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_BPP;
    s->rate_given |= LIC_BY_BPP;
    return lic_read_real(text, 1e-6, 1000, &s->target.value) ? NULL
                                                             : "bits per pixel, such as 0.25";
}

const char *lic_set_target_size(lic_settings *s, const char *text)
{
    uint64_t bytes = 0;
    bool ok = lic_read_amount(text, &bytes);
    s->target = (lic_target_wish){LIC_TARGET_SIZE, (double)bytes};
    s->rate_given |= LIC_BY_SIZE;
    return ok ? NULL : "a number of bytes, such as 20000, 20k or 1.5M";
}

const char *lic_set_target_psnr(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_PSNR;
    s->rate_given |= LIC_BY_PSNR;
    return lic_read_real(text, 1, 100, &s->target.value) ? NULL : "dB, from 1 to 100";
}

const char *lic_set_window(lic_settings *s, const char *text)
{
    const double most_db = 1000;
    const char *end = lic_read_decimal(text, 0, most_db, &s->window[0]);
    s->has_window = true;
    return end && *end == ',' && lic_read_real(end + 1, 0, most_db, &s->window[1]) &&
                   s->window[0] < s->window[1]
               ? NULL
               : "a span such as 29.2,36.5";
}

const char *lic_set_shard(lic_settings *s, const char *text)
{
    enum { MOST_SHARDS = 1000000 };
    long shard, shards;
    const char *end = lic_read_digits(text, 1, MOST_SHARDS, &shard);
    if (!end || *end != '/' || !lic_read_whole(end + 1, shard, MOST_SHARDS, &shards))
        return "a part and their number, such as 1/4 to 4/4";
    s->shard = (uint32_t)(shard - 1);
    s->shards = (uint32_t)shards;
    return NULL;
}

/* The last of -f and -n counts. */
const char *lic_set_force(lic_settings *s, const char *text)
{
    (void)text;
    s->force = true;
    s->no_clobber = false;
    return NULL;
}

const char *lic_set_no_clobber(lic_settings *s, const char *text)
{
    (void)text;
    s->no_clobber = true;
    s->force = false;
    return NULL;
}

const char *lic_set_format(lic_settings *s, const char *text)
{
    s->format = lic_picture_format_of_suffix(text);
    return s->format == LIC_FORMAT_NONE ? lic_any_of(LIC_FORMAT_SUFFIXES) : NULL;
}

const char *lic_set_alpha(lic_settings *s, const char *text)
{
    static const char wanted[] = "keep, drop, or blend=RRGGBB with a colour such as blend=ffffff";
    if (strcmp(text, "keep") == 0 || strcmp(text, "drop") == 0) {
        s->read.alpha = *text == 'k' ? LIC_ALPHA_KEEP : LIC_ALPHA_DROP;
        return NULL;
    }
    if (strncmp(text, "blend=", 6) != 0 || strlen(text) != 12 ||
        strspn(text + 6, "0123456789abcdefABCDEF") != 6)
        return wanted;
    unsigned long colour = strtoul(text + 6, NULL, 16);
    for (int i = 0; i < 3; i++)
        s->read.background[i] = (uint8_t)(colour >> (16 - 8 * i));
    s->read.alpha = LIC_ALPHA_BLEND;
    return NULL;
}

const char *lic_set_metadata(lic_settings *s, const char *text)
{
    static const lic_choice kinds[] = {{"all", LIC_META_ALL},
                                       {"none", 0},
                                       {"icc", 1 << LIC_META_ICCP},
                                       {"exif", 1 << LIC_META_EXIF},
                                       {"xmp", 1 << LIC_META_XMP},
                                       {"iptc", 1 << LIC_META_IPTC},
                                       {"text", 1 << LIC_META_TEXT},
                                       {"colour", 1 << LIC_META_COLOUR},
                                       {"resolution", 1 << LIC_META_RESOLUTION},
                                       {"orientation", LIC_META_ORIENTATION},
                                       {NULL, 0}};
    s->read.metadata = 0;
    for (const char *word = text;; word += strcspn(word, ",") + 1) {
        int value;
        const bool known = lic_read_choice(kinds, word, strcspn(word, ","), &value);
        const bool whole = known && (value == 0 || value == (int)LIC_META_ALL);
        if (!known || (whole && strchr(text, ','))) /* "none,exif" contradicts itself */
            return "all, none, or some of icc,exif,xmp,iptc,text,colour,resolution,orientation";
        /* Somebody who keeps only the profile, say, does not want the picture on its side. */
        s->read.metadata |= value ? (unsigned)value | LIC_META_ORIENTATION : 0;
        if (!strchr(word, ','))
            return NULL;
    }
}

const char *lic_set_strip(lic_settings *s, const char *text)
{
    (void)text;
    s->read.metadata = LIC_META_LOOK;
    return NULL;
}

const char *lic_set_salvage(lic_settings *s, const char *text)
{
    (void)text;
    s->salvage = s->read.salvage = true;
    return NULL;
}

/* Reads a side or place in a picture and the character that ends it; *text moves past that. */
static bool read_side(const char **text, char end, long least, uint32_t *value)
{
    long side;
    const char *at = lic_read_digits(*text, least, LIC_MAX_SIDE, &side);
    if (!at || *at != end)
        return false;
    *value = (uint32_t)side;
    *text = end ? at + 1 : at;
    return true;
}

const char *lic_set_plan(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->plan_width) && read_side(&text, 0, 1, &s->plan_height)
               ? NULL
               : "a size such as 768x512, sides up to 65535";
}

const char *lic_set_crop(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->crop_width) && read_side(&text, '+', 1, &s->crop_height) &&
                   read_side(&text, '+', 0, &s->crop_x) && read_side(&text, 0, 0, &s->crop_y)
               ? NULL
               : "a rectangle such as 640x480+100+50";
}

const char *lic_set_scale(lic_settings *s, const char *text)
{
    s->scale = strcmp(text, "1/16") == 0 ? 16 : 1;
    return s->scale == 16 || strcmp(text, "1/1") == 0 || strcmp(text, "1") == 0 ? NULL : "1/16";
}

const char *lic_set_json(lic_settings *s, const char *text)
{
    s->json = true;
    s->json_file = text && strcmp(text, "-") == 0 ? NULL : text;
    return text && !*text ? "a file name after the =" : NULL;
}

const char *lic_set_verbose(lic_settings *s, const char *text)
{
    (void)text;
    s->verbose++;
    return NULL;
}

const char *lic_set_max_pixels(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->read.max_pixels) ? NULL : "a number, such as 100M";
}

const char *lic_set_max_work(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->max_work) ? NULL : "a number of multiply-adds, such as 10T";
}

const char *lic_set_max_memory(lic_settings *s, const char *text)
{
    bool ok = lic_read_amount(text, &s->max_memory);
    s->read.max_memory = s->max_memory;
    return ok ? NULL : "a number of bytes, such as 500M or 1.5Gi";
}

const char *lic_set_tile(lic_settings *s, const char *text)
{
    long side;
    if (!lic_read_whole(text, 64, 16384, &side) || side % 64)
        return "a multiple of 64 up to 16384";
    s->tile_side = (uint32_t)side;
    return NULL;
}

const char *lic_check_cpu(lic_settings *s, const char *text)
{
    (void)text;
    return s->cpu == LIC_CPU_AUTO || lic_cpu_supported(s->cpu)
               ? NULL
               : "an instruction set that this machine has";
}

const char *lic_check_backend(lic_settings *s, const char *text)
{
    (void)text;
    return lic_backend_supported(s->backend)
               ? NULL
               : "strict: OpenBLAS was not found, or is not in this build";
}

/* ---- the kinds of options that need no function of their own ---- */

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

const char *lic_option_apply(const lic_option *o, lic_settings *s, const char *text)
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
