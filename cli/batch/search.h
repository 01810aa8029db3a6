/* search.h - encodes a picture in memory as often as needed: for a target (target.h), and with
 * decoding of the result for a PSNR or --report. */
#ifndef LIC_CLI_BATCH_SEARCH_H
#define LIC_CLI_BATCH_SEARCH_H

#include "cli/batch/batch.h"

/* `encode` has all but the quality. Sets what job knows of the result. Free *out with
 * lic_buffer_free. */
lic_status lic_search_code(lic_worker *worker, lic_job *job, const lic_image *image,
                           const lic_encode_options *encode, lic_buffer *out);

#endif
