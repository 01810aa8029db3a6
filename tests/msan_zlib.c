/* msan_zlib.c - only for the MSan step of full.sh. The system's zlib is not instrumented, so MSan
 * takes all that it writes for uninitialized. Linked around zlib (--wrap), this tells MSan what
 * zlib has written. */
#include <sanitizer/msan_interface.h>
#include <zlib.h>

int __real_inflate(z_stream *s, int flush);
int __real_deflate(z_stream *s, int flush);
int __wrap_inflate(z_stream *s, int flush);
int __wrap_deflate(z_stream *s, int flush);

static int note(z_stream *s, const Bytef *from, int result)
{
    __msan_unpoison(s, sizeof *s);
    __msan_unpoison(from, (size_t)(s->next_out - from));
    return result;
}

int __wrap_inflate(z_stream *s, int flush)
{
    const Bytef *from = s->next_out;
    return note(s, from, __real_inflate(s, flush));
}

int __wrap_deflate(z_stream *s, int flush)
{
    const Bytef *from = s->next_out;
    return note(s, from, __real_deflate(s, flush));
}
