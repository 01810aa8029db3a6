/* iptc.c - see iptc.h. */
#include "cli/picture/iptc.h"

#include "cli/base/big_endian.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A resource: "8BIM", a number, a name (a byte of length, then that many bytes, padded to an even
 * sum), a length, then that many bytes, padded to an even number. Big-endian. */
enum { RESOURCE_IPTC = 0x0404, HEAD_BYTES = 12, DATA_SET_MARK = 0x1C };

lic_blob lic_iptc_find(uint8_t *data, size_t bytes)
{
    if (bytes && data[0] == DATA_SET_MARK)
        return (lic_blob){data, bytes};
    while (bytes >= HEAD_BYTES && memcmp(data, "8BIM", 4) == 0) {
        const size_t name = ((size_t)data[6] + 2) & ~(size_t)1;
        if (bytes < HEAD_BYTES - 2 + name)
            break;
        const size_t length = lic_get_be(data + 6 + name, 4), head = 10 + name;
        if (length > bytes - head)
            break;
        if (lic_get_be(data + 4, 2) == RESOURCE_IPTC && length)
            return (lic_blob){data + head, length};
        const size_t all = head + length + (length & 1);
        if (all >= bytes)
            break;
        data += all;
        bytes -= all;
    }
    return (lic_blob){0};
}

lic_blob lic_iptc_wrap(const lic_blob *iptc)
{
    static const uint8_t head[8] = {'8', 'B', 'I', 'M', RESOURCE_IPTC >> 8, RESOURCE_IPTC & 0xFF};
    if (iptc->bytes > UINT32_MAX)
        return (lic_blob){0};
    const size_t bytes = HEAD_BYTES + iptc->bytes + (iptc->bytes & 1);
    uint8_t *data = calloc(1, bytes);
    if (!data)
        return (lic_blob){0};
    memcpy(data, head, sizeof head);
    lic_put_be(data + 8, (uint32_t)iptc->bytes, 4);
    memcpy(data + HEAD_BYTES, iptc->data, iptc->bytes);
    return (lic_blob){data, bytes};
}

/* ---- as digits: a line end, a name, the number of bytes, and lines of digits ---- */

enum { LINE_BYTES = 36, TITLE_BYTES = 32 };

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *at = c ? strchr(digits, lower) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool lic_raw_profile_of_digits(const char *text, lic_blob *profile)
{
    size_t bytes = 0;
    *profile = (lic_blob){0};
    while (*text == '\n')
        text++;
    text += strcspn(text, "\n"); /* the name */
    text += strspn(text, "\n ");
    for (; *text >= '0' && *text <= '9' && bytes < UINT32_MAX; text++)
        bytes = 10 * bytes + (size_t)(*text - '0');
    if (!bytes || bytes > strlen(text) / 2)
        return true;
    uint8_t *data = malloc(bytes);
    if (!data)
        return false;
    for (size_t i = 0; i < 2 * bytes; i++) {
        text += strspn(text, "\n ");
        const int value = digit(*text);
        if (value < 0) {
            free(data);
            return true;
        }
        data[i / 2] = (uint8_t)(i % 2 ? data[i / 2] << 4 | value : value);
        text++;
    }
    *profile = (lic_blob){data, bytes};
    return true;
}

char *lic_iptc_digits(const lic_blob *resources)
{
    const size_t n = resources->bytes;
    char *text = n < SIZE_MAX / 4 ? malloc(TITLE_BYTES + 2 * n + n / LINE_BYTES + 2) : NULL;
    if (!text)
        return NULL;
    char *to = text + snprintf(text, TITLE_BYTES, "\niptc\n%8zu", n);
    for (size_t i = 0; i < n; i++) {
        if (i % LINE_BYTES == 0)
            *to++ = '\n';
        to += snprintf(to, 3, "%02x", resources->data[i]);
    }
    memcpy(to, "\n", 2);
    return text;
}
