/* help.c - help text on standard output, made from the tables in table.c. */
#include "cli/options/options.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 28 };

/* "  -q, --quality Q", filled up to the column where the explanation begins. */
static void print_option(const lic_option *o)
{
    char names[48];
    int n = snprintf(names, sizeof names, o->letter ? "  -%c" : "    ", o->letter);
    if (*o->name)
        n += snprintf(names + n, sizeof names - (size_t)n, "%s--%s", o->letter ? ", " : "  ",
                      o->name);
    if (o->value)
        snprintf(names + n, sizeof names - (size_t)n, o->value_optional ? "[=%s]" : " %s",
                 o->value);
    if (strlen(names) >= COLUMN)
        printf("%s\n%*s%s\n", names, COLUMN, "", o->help);
    else
        printf("%-*s%s\n", COLUMN, names, o->help);
}

/* The options of one command, or of all. */
static void print_options(unsigned commands, bool rare_too)
{
    int group = -1;
    for (const lic_option *o = lic_options_table; o->name; o++) {
        if (!(o->commands & commands) || (o->rare && !rare_too))
            continue;
        if (rare_too && o->group != group)
            printf("\n%s:\n", lic_options_groups[o->group]);
        group = o->group;
        const lic_option as = commands == LIC_COMMAND_ANY ? *o : lic_options_as(o, commands);
        print_option(&as);
    }
}

static void print_commands(void)
{
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        printf("  lic %-7s %s\n              %s\n", c->name, c->usage, c->help);
}

static const char footer[] =
    "\n- as IN or OUT is standard input or output.\n"
    "Exit status: 0 done, 1 an input failed, 2 wrong usage, 3 model missing or wrong,\n"
    "130 interrupted. Colours are coded as stored; an ICC profile is kept, not\n"
    "applied; orientation stays a tag. 16 bits per sample are taken and given at the\n"
    "precision of a lossy codec.\n"
    "Environment: LIC_MODEL_DIR (folder of .licw files), LIC_THREADS, LIC_CPU.\n";

static void print_overview(void)
{
    printf("lic %s, a learned image codec\n\n", lic_version());
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        printf("  lic %-8s %s\n", c->name, c->help);
    printf("\nlic COMMAND -h: the options of one; lic --help: all; lic -V: version, CPU, models.\n"
           "\nExamples:\n"
           "  lic encode photo.jpg                       photo.lic, quality 50\n"
           "  lic encode -q 25 photo.png out.lic\n"
           "  lic encode --target-size 20k photo.png\n"
           "  lic encode -r photos --output-dir small    every picture of a tree\n"
           "  lic decode photo.lic                       photo.png\n"
           "  lic decode photo.lic view.jpg\n"
           "  lic eval photo.png view.jpg                how much was lost\n");
}

void lic_options_help(const lic_settings *settings)
{
    const lic_command_row *c = lic_options_command(settings->command);
    const bool all = settings->help == 2;
    if (!c && !all) {
        print_overview();
        return;
    }
    if (c) {
        printf("lic %s %s\n%s\n%s", c->name, c->usage, c->help, all ? "" : "\n");
        print_options(c->command, all);
        if (!all)
            printf("lic %s --help: all its options\n", c->name);
    } else {
        printf("lic %s, a learned image codec\n\n", lic_version());
        print_commands();
        print_options(LIC_COMMAND_ANY, true);
    }
    if (all)
        fputs(footer, stdout);
}
