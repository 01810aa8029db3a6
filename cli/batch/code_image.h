/* code_image.h - encodes a picture in memory as often as needed: for a size or a PSNR (target.h),
 * and with decoding of the result for a PSNR or --report. */
#ifndef LIC_CLI_BATCH_CODE_IMAGE_H
#define LIC_CLI_BATCH_CODE_IMAGE_H

#include "cli/batch/batch.h"

/* By the settings of c, which gets what is known of the result. `encode` has what travels with the
 * picture, and without a target what to encode it with. */
lic_status lic_code_image(lic_worker *worker, lic_conversion *c, const lic_image *image,
                          const lic_encode_options *encode, lic_buffer *out);

#endif
