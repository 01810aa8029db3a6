/* consumer.c - a second program on the installed library, with lic.h and nothing else of ours,
 * compiled as C11 and as C++17. It encodes a picture in memory with one thread and with three,
 * decodes it, and writes the results, which the test compares with those of the program `lic`.
 *
 *     consumer MODEL.licw IN.ppm OUT.lic OUT.ppm */
#include <lic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const lic_error *err)
{
    fprintf(stderr, "%s: %s: %s\n", what, lic_status_name(err->status), err->text);
    return 1;
}

/* The caller's own memory, counted. */
static int live;

static void *count_alloc(void *user, size_t bytes)
{
    ++*(int *)user;
    return malloc(bytes);
}

static void count_free(void *user, void *pointer)
{
    *(int *)user -= pointer != NULL;
    free(pointer);
}

static int read_ppm(const char *path, lic_image *image)
{
    unsigned width = 0, height = 0;
    FILE *file = fopen(path, "rb");
    if (!file || fscanf(file, "P6 %u %u 255", &width, &height) != 2 || fgetc(file) == EOF)
        return 1;
    memset(image, 0, sizeof *image);
    image->width = width;
    image->height = height;
    image->channels = 3;
    image->depth = 8;
    image->stride_bytes = (size_t)width * 3;
    image->data = malloc(image->stride_bytes * height);
    const int bad = !image->data || fread(image->data, image->stride_bytes, height, file) != height;
    fclose(file);
    return bad;
}

static int write_file(const char *path, const char *head, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return 1;
    const int bad = fputs(head, file) < 0 || fwrite(data, 1, bytes, file) != bytes;
    return fclose(file) != 0 || bad;
}

static int encode(const lic_model *model, const lic_image *image, int threads, lic_buffer *out)
{
    lic_options options;
    lic_error err;
    lic_options_init(&options);
    options.threads = threads;
    if (lic_encode(model, image, &options, NULL, out, &err) != LIC_OK)
        return fail("encode", &err);
    return 0;
}

static int decode(const lic_model *model, const lic_buffer *file, const lic_allocator *allocator,
                  const char *path)
{
    lic_options options;
    lic_image image;
    lic_error err;
    char head[64];
    lic_options_init(&options);
    options.threads = 3;
    options.allocator = allocator;
    if (lic_decode(model, file->data, file->bytes, &options, NULL, &image, &err) != LIC_OK)
        return fail("decode", &err);
    snprintf(head, sizeof head, "P6\n%u %u\n255\n", (unsigned)image.width, (unsigned)image.height);
    const int bad = image.stride_bytes != (size_t)image.width * 3 ||
                    write_file(path, head, image.data, image.stride_bytes * image.height);
    lic_image_free(&image);
    return bad;
}

int main(int argc, char **argv)
{
    const lic_allocator allocator = {count_alloc, count_free, &live};
    lic_model *model = NULL;
    lic_buffer one, three;
    lic_image image;
    lic_info info;
    lic_error err;
    if (argc != 5 || read_ppm(argv[2], &image))
        return 2;
    if (strcmp(lic_version(), LIC_VERSION) != 0) {
        fprintf(stderr, "header %s, library %s\n", LIC_VERSION, lic_version());
        return 1;
    }
    if (lic_model_open(argv[1], NULL, &model, &err) != LIC_OK)
        return fail("model", &err);
    if (encode(model, &image, 1, &one) || encode(model, &image, 3, &three))
        return 1;
    if (one.bytes != three.bytes || memcmp(one.data, three.data, one.bytes) != 0) {
        fputs("one and three threads differ\n", stderr);
        return 1;
    }
    if (lic_probe(one.data, one.bytes, &info, &err) != LIC_OK)
        return fail("probe", &err);
    if (info.width != image.width || info.height != image.height || info.channels != 3)
        return 1;
    if (write_file(argv[3], "", one.data, one.bytes) || decode(model, &one, &allocator, argv[4]))
        return 1;
    lic_buffer_free(&one);
    lic_buffer_free(&three);
    lic_model_close(model);
    free(image.data);
    printf("%s, %d blocks left\n", lic_version(), live);
    return live != 0;
}
