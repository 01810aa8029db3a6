/* read_value.c - see read_value.h. */
#include "cli/options/read_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lic_read_choice(const lic_choice *choices, const char *text, size_t n, int *value)
{
    for (; choices->name; choices++)
        if (strlen(choices->name) == n && memcmp(choices->name, text, n) == 0) {
            *value = choices->value;
            return true;
        }
    return false;
}

const char *lic_read_digits(const char *text, long least, long most, long *value)
{
    const char *at = text;
    long sum = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (sum > (most - (*at - '0')) / 10)
            return NULL;
        sum = 10 * sum + (*at - '0');
    }
    *value = sum;
    return at > text && sum >= least && sum <= most ? at : NULL;
}

/* strtod would also take blanks, signs, hexadecimal digits, exponents, "inf" and "nan", so it must
 * not read past digits and a point. */
const char *lic_read_decimal(const char *text, double least, double most, double *value)
{
    static const char digits[] = "0123456789";
    const size_t whole = strspn(text, digits), point = text[whole] == '.',
                 part = point ? strspn(text + whole + 1, digits) : 0;
    char *end;
    if (whole + part == 0)
        return NULL;
    *value = strtod(text, &end);
    return end == text + whole + point + part && *value >= least && *value <= most ? end : NULL;
}

bool lic_read_whole(const char *text, long least, long most, long *value)
{
    const char *end = lic_read_digits(text, least, most, value);
    return end && !*end;
}

bool lic_read_real(const char *text, double least, double most, double *value)
{
    const char *end = lic_read_decimal(text, least, most, value);
    return end && !*end;
}

bool lic_read_amount(const char *text, uint64_t *value)
{
    static const char units[] = "kMGT";
    const double most = 9e18;
    double number, unit = 1;
    const char *end = lic_read_decimal(text, 0, most, &number);
    const char *at = end && *end ? strchr(units, *end) : NULL;
    if (at) {
        unit = pow(end[1] == 'i' ? 1024 : 1000, (double)(at - units + 1));
        end += end[1] == 'i' ? 2 : 1;
    }
    if (!end || *end || !(number * unit >= 1 && number * unit < most))
        return false;
    *value = (uint64_t)(number * unit);
    return true;
}

const char *lic_any_of(const char *list)
{
    static char text[128];
    size_t at = 0;
    for (; *list && at + 5 < sizeof text; list++)
        if (*list != ',')
            text[at++] = *list;
        else
            at += (size_t)sprintf(text + at, strchr(list + 1, ',') ? ", " : " or ");
    text[at] = 0;
    return text;
}
