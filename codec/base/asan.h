/* asan.h - tells AddressSanitizer which memory belongs to no tensor, so that it finds use after a
 * rewind and reads past the end of a tensor. Empty in other builds; LIC_HAS_ASAN says which this
 * is. */
#ifndef LIC_ASAN_H
#define LIC_ASAN_H

#if defined(__SANITIZE_ADDRESS__)
#define LIC_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIC_HAS_ASAN 1
#endif
#endif

#ifdef LIC_HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

#endif
