/* values.c - see values.h. */
#include "cli/options/values.h"
#include "cli/options/read_value.h"

#include <stdlib.h>
#include <string.h>

/* A number, or several separated by commas; parse.c refuses several if one is wanted. */
const char *lic_value_quality(lic_settings *s, const char *text)
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

const char *lic_value_lambda(lic_settings *s, const char *text)
{
    s->rate_given |= LIC_BY_LAMBDA;
    return lic_read_real(text, 1e-6, 1000, &s->lambda) ? NULL
                                                       : "a Lagrange multiplier, such as 0.01";
}

const char *lic_value_target_bpp(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_BPP;
    s->rate_given |= LIC_BY_BPP;
    return lic_read_real(text, 1e-6, 1000, &s->target.value) ? NULL
                                                             : "bits per pixel, such as 0.25";
}

const char *lic_value_target_size(lic_settings *s, const char *text)
{
    uint64_t bytes = 0;
    bool ok = lic_read_amount(text, &bytes);
    s->target = (lic_target_wish){LIC_TARGET_SIZE, (double)bytes};
    s->rate_given |= LIC_BY_SIZE;
    return ok ? NULL : "a number of bytes, such as 20000, 20k or 1.5M";
}

const char *lic_value_target_psnr(lic_settings *s, const char *text)
{
    s->target.kind = LIC_TARGET_PSNR;
    s->rate_given |= LIC_BY_PSNR;
    return lic_read_real(text, 1, 100, &s->target.value) ? NULL : "dB, from 1 to 100";
}

const char *lic_value_window(lic_settings *s, const char *text)
{
    const double most_db = 1000;
    const char *end = lic_read_decimal(text, 0, most_db, &s->window[0]);
    s->has_window = true;
    return end && *end == ',' && lic_read_real(end + 1, 0, most_db, &s->window[1]) &&
                   s->window[0] < s->window[1]
               ? NULL
               : "a span such as 29.2,36.5";
}

const char *lic_value_shard(lic_settings *s, const char *text)
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
const char *lic_value_force(lic_settings *s, const char *text)
{
    (void)text;
    s->force = true;
    s->no_clobber = false;
    return NULL;
}

const char *lic_value_no_clobber(lic_settings *s, const char *text)
{
    (void)text;
    s->no_clobber = true;
    s->force = false;
    return NULL;
}

const char *lic_value_format(lic_settings *s, const char *text)
{
    s->format = lic_picture_format_of_suffix(text);
    return s->format == LIC_FORMAT_NONE ? lic_any_of(LIC_FORMAT_SUFFIXES) : NULL;
}

const char *lic_value_alpha(lic_settings *s, const char *text)
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

const char *lic_value_metadata(lic_settings *s, const char *text)
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

const char *lic_value_strip(lic_settings *s, const char *text)
{
    (void)text;
    s->read.metadata = LIC_META_LOOK;
    return NULL;
}

const char *lic_value_salvage(lic_settings *s, const char *text)
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

const char *lic_value_plan(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->plan_width) && read_side(&text, 0, 1, &s->plan_height)
               ? NULL
               : "a size such as 768x512, sides up to 65535";
}

const char *lic_value_near(lic_settings *s, const char *text)
{
    long near;
    if (!lic_read_whole(text, 1, LIC_MAX_NEAR(16), &near))
        return "1 to 15, of samples of 16 bits to 4095";
    s->near = (uint32_t)near;
    s->lossless = true;
    return NULL;
}

const char *lic_value_crop(lic_settings *s, const char *text)
{
    return read_side(&text, 'x', 1, &s->crop_width) && read_side(&text, '+', 1, &s->crop_height) &&
                   read_side(&text, '+', 0, &s->crop_x) && read_side(&text, 0, 0, &s->crop_y)
               ? NULL
               : "a rectangle such as 640x480+100+50";
}

const char *lic_value_scale(lic_settings *s, const char *text)
{
    static const char *const scales[] = {"1", "1/1", "1/2", "1/4", "1/8", "1/16"};
    for (uint32_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        if (strcmp(text, scales[i]) == 0) {
            s->scale = i ? 1u << (i - 1) : 1;
            return NULL;
        }
    return "1/2, 1/4, 1/8 or 1/16";
}

const char *lic_value_json(lic_settings *s, const char *text)
{
    s->json = true;
    s->json_file = text && strcmp(text, "-") == 0 ? NULL : text;
    return text && !*text ? "a file name after the =" : NULL;
}

const char *lic_value_verbose(lic_settings *s, const char *text)
{
    (void)text;
    s->verbose++;
    return NULL;
}

const char *lic_value_max_pixels(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->read.max_pixels) ? NULL : "a number, such as 100M";
}

const char *lic_value_max_work(lic_settings *s, const char *text)
{
    return lic_read_amount(text, &s->max_work) ? NULL : "a number of multiply-adds, such as 10T";
}

const char *lic_value_max_memory(lic_settings *s, const char *text)
{
    bool ok = lic_read_amount(text, &s->max_memory);
    s->read.max_memory = s->max_memory;
    return ok ? NULL : "a number of bytes, such as 500M or 1.5Gi";
}

const char *lic_value_tile(lic_settings *s, const char *text)
{
    long side;
    if (!lic_read_whole(text, 64, 16384, &side) || side % 64)
        return "a multiple of 64 up to 16384";
    s->tile_side = (uint32_t)side;
    return NULL;
}

const char *lic_value_check_cpu(lic_settings *s, const char *text)
{
    (void)text;
    return s->cpu == LIC_CPU_AUTO || lic_cpu_supported(s->cpu)
               ? NULL
               : "an instruction set that this machine has";
}

const char *lic_value_check_backend(lic_settings *s, const char *text)
{
    (void)text;
    return lic_backend_supported(s->backend)
               ? NULL
               : "strict: OpenBLAS was not found, or is not in this build";
}
