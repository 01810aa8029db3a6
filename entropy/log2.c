/* log2.c - see log2.h. */
#include "entropy/log2.h"

#define TWICE(n)   n, n
#define FOUR(n)    TWICE(n), TWICE(n)
#define EIGHT(n)   FOUR(n), FOUR(n)
#define SIXTEEN(n) EIGHT(n), EIGHT(n)
#define OF_32(n)   SIXTEEN(n), SIXTEEN(n)
#define OF_64(n)   OF_32(n), OF_32(n)

const uint8_t lic_log2_of_byte[256] = {0,          0,        TWICE(1), FOUR(2),  EIGHT(3),
                                       SIXTEEN(4), OF_32(5), OF_64(6), OF_64(7), OF_64(7)};
