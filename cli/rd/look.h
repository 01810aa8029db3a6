/* look.h - whether two pictures that are compared sample by sample are meant to look alike. */
#ifndef LIC_CLI_RD_LOOK_H
#define LIC_CLI_RD_LOOK_H

#include "cli/picture/image_io.h"

/* Names what differs between the picture and its reference in orientation or colours; "" if nothing
 * does, as far as the files say. */
void lic_look_compare(const lic_picture *reference, const lic_picture *picture, char *text,
                      size_t size);

#endif
