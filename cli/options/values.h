/* values.h - options whose values are not a plain number, word or name: lic_option_set of
 * options.h. */
#ifndef LIC_CLI_OPTIONS_VALUES_H
#define LIC_CLI_OPTIONS_VALUES_H

#include "cli/options/options.h"

const char *lic_set_quality(lic_settings *s, const char *text);
const char *lic_set_lambda(lic_settings *s, const char *text);
const char *lic_set_target_bpp(lic_settings *s, const char *text);
const char *lic_set_target_size(lic_settings *s, const char *text);
const char *lic_set_target_psnr(lic_settings *s, const char *text);
const char *lic_set_window(lic_settings *s, const char *text);
const char *lic_set_shard(lic_settings *s, const char *text);
const char *lic_set_force(lic_settings *s, const char *text);
const char *lic_set_no_clobber(lic_settings *s, const char *text);
const char *lic_set_format(lic_settings *s, const char *text);
const char *lic_set_crop(lic_settings *s, const char *text);
const char *lic_set_scale(lic_settings *s, const char *text);
const char *lic_set_alpha(lic_settings *s, const char *text);
const char *lic_set_metadata(lic_settings *s, const char *text);
const char *lic_set_strip(lic_settings *s, const char *text);
const char *lic_set_salvage(lic_settings *s, const char *text);
const char *lic_set_plan(lic_settings *s, const char *text);
const char *lic_set_json(lic_settings *s, const char *text);
const char *lic_set_verbose(lic_settings *s, const char *text);
const char *lic_set_max_pixels(lic_settings *s, const char *text);
const char *lic_set_max_work(lic_settings *s, const char *text);
const char *lic_set_max_memory(lic_settings *s, const char *text);
const char *lic_set_tile(lic_settings *s, const char *text);
const char *lic_check_cpu(lic_settings *s, const char *text);
const char *lic_check_backend(lic_settings *s, const char *text);

#endif
