/* search.h - encodes a picture that is in memory as often as the settings ask for: for a target
 * (target.h), and with a decoder's look at what came out, for a PSNR and for --report. */
#ifndef LIC_CLI_BATCH_SEARCH_H
#define LIC_CLI_BATCH_SEARCH_H

#include "cli/batch/batch.h"

/* The worker has an encoder, and a decoder if there is something to measure. `encode` has all but
 * the quality. Sets what job knows of the result; *out is for lic_buffer_free. */
lic_status lic_search_code(lic_worker *worker, lic_job *job, const lic_image *image,
                           const lic_encode_options *encode, lic_buffer *out);

#endif
