/* read_value.c - see read_value.h. */
#include "cli/read_value.h"

#include <errno.h>
#include <math.h>
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

bool lic_read_whole(const char *text, long least, long most, long *value)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') /* strtol would take blanks and signs */
        return false;
    *value = strtol(text, &end, 10);
    return *end == 0 && errno == 0 && *value >= least && *value <= most;
}

bool lic_read_amount(const char *text, uint64_t *value)
{
    static const char units[] = "kMG";
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    double number = strtod(text, &end), unit = 1;
    const char *at = *end ? strchr(units, *end) : NULL;
    if (at) {
        unit = pow(end[1] == 'i' ? 1024 : 1000, (double)(at - units + 1));
        end += end[1] == 'i' ? 2 : 1;
    }
    if (*end || !(number * unit >= 1 && number * unit < 9e18))
        return false;
    *value = (uint64_t)(number * unit);
    return true;
}

bool lic_read_real(const char *text, double least, double most, double *value)
{
    char *end = NULL;
    if ((*text < '0' || *text > '9') && *text != '.')
        return false;
    *value = strtod(text, &end);
    return end != text && *end == 0 && *value >= least && *value <= most;
}
