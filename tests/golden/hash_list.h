/* hash_list.h - lists of what files must be: a line each, of numbers; comments begin with #. */
#ifndef LIC_TESTS_HASH_LIST_H
#define LIC_TESTS_HASH_LIST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file of this folder. */
static inline const char *beside(const char *file)
{
    static char path[512];
    const char *here = __FILE__;
    snprintf(path, sizeof path, "%.*s/%s", (int)(strrchr(here, '/') - here), here, file);
    return path;
}

/* Reads the next line that is no comment; 0 at the end. */
static inline int next_line(FILE *file, char *text, int room)
{
    while (fgets(text, room, file))
        if (text[0] != '#')
            return 1;
    return 0;
}

/* Reads a list to lines [most], each of line_bytes, which parse fills in; returns how many. Ends
 * the program if there is no such list, or a line is not as it should be. */
static inline int read_list(const char *name, void *lines, size_t line_bytes, int most,
                            int (*parse)(const char *text, void *line))
{
    FILE *file = fopen(beside(name), "r");
    char text[200];
    int n = 0;
    for (; file && next_line(file, text, sizeof text); n++)
        if (n == most || !parse(text, (char *)lines + (size_t)n * line_bytes)) {
            printf("%s: not as it should be: %s", name, text);
            exit(2);
        }
    if (!file || fclose(file)) {
        printf("cannot read %s\n", name);
        exit(2);
    }
    return n;
}

#endif
