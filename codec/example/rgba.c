/* rgba.c - decodes a .lic file, with or without alpha, to RGBA of 8 bits, and writes it as PAM:
 *     cc rgba.c -o rgba $(pkg-config --cflags --libs lic) && ./rgba photo.lic > photo.pam */
#include <lic.h>
#include <stdio.h>

static unsigned char file[64 << 20];

int main(int argc, char **argv)
{
    lic_info info;
    lic_model *model = NULL;
    lic_image image = {0};
    lic_decode_options rgba;
    lic_error err = {0};
    FILE *in = argc > 1 ? fopen(argv[1], "rb") : NULL;
    const size_t bytes = in ? fread(file, 1, sizeof file, in) : 0;
    lic_decode_options_init(&rgba);
    rgba.channels = 4;
    rgba.depth = 8;
    if (lic_probe(file, bytes, &info, &err) ||
        lic_model_find(NULL, info.model_id, NULL, &model, &err) ||
        lic_decode(model, file, bytes, NULL, &rgba, &image, &err))
        fprintf(stderr, "rgba: %s\n", err.text);
    else if (printf("P7\nWIDTH %u\nHEIGHT %u\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n",
                    (unsigned)image.width, (unsigned)image.height) > 0)
        fwrite(image.data, image.stride_bytes, image.height, stdout);
    lic_image_free(&image);
    lic_model_close(model);
    return err.status != LIC_OK;
}
