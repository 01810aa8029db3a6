/* values.h - the values of options that are not a plain number, word or name: each function reads
 * one from its text into the settings, as lic_option_set of options.h says. */
#ifndef LIC_CLI_OPTIONS_VALUES_H
#define LIC_CLI_OPTIONS_VALUES_H

#include "cli/options/options.h"

const char *lic_value_quality(lic_settings *s, const char *text);
const char *lic_value_lambda(lic_settings *s, const char *text);
const char *lic_value_target_bpp(lic_settings *s, const char *text);
const char *lic_value_target_size(lic_settings *s, const char *text);
const char *lic_value_target_psnr(lic_settings *s, const char *text);
const char *lic_value_window(lic_settings *s, const char *text);
const char *lic_value_shard(lic_settings *s, const char *text);
const char *lic_value_force(lic_settings *s, const char *text);
const char *lic_value_no_clobber(lic_settings *s, const char *text);
const char *lic_value_format(lic_settings *s, const char *text);
const char *lic_value_alpha(lic_settings *s, const char *text);
const char *lic_value_metadata(lic_settings *s, const char *text);
const char *lic_value_strip(lic_settings *s, const char *text);
const char *lic_value_salvage(lic_settings *s, const char *text);
const char *lic_value_plan(lic_settings *s, const char *text);
const char *lic_value_near(lic_settings *s, const char *text);
const char *lic_value_crop(lic_settings *s, const char *text);
const char *lic_value_scale(lic_settings *s, const char *text);
const char *lic_value_json(lic_settings *s, const char *text);
const char *lic_value_verbose(lic_settings *s, const char *text);
const char *lic_value_max_pixels(lic_settings *s, const char *text);
const char *lic_value_max_work(lic_settings *s, const char *text);
const char *lic_value_max_memory(lic_settings *s, const char *text);
const char *lic_value_tile(lic_settings *s, const char *text);
const char *lic_value_check_cpu(lic_settings *s, const char *text);
const char *lic_value_check_backend(lic_settings *s, const char *text);

#endif
