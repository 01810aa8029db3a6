/* completion.c - lic --completion: scripts for shells, made from the tables in table.c. What
 * a value may be is read from its name in the table: "png,jpg" are words to choose from, FILE is a
 * file, DIR a folder; of anything else nothing is known. */
#include "cli/options/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_NONE, KIND_WORDS, KIND_FILE, KIND_FOLDER };

static enum kind kind_of(const lic_option *o)
{
    if (!o->value)
        return KIND_NONE;
    if (islower((unsigned char)o->value[0]))
        return KIND_WORDS;
    if (strcmp(o->value, "DIR") == 0)
        return KIND_FOLDER;
    return strstr(o->value, "FILE") ? KIND_FILE : KIND_NONE;
}

/* The words of a value; "blend=RRGGBB" as far as it is fixed. */
static void put_words(const char *value, const char *between)
{
    for (const char *at = value; *at;) {
        size_t n = strcspn(at, ","), fixed = strcspn(at, ",=");
        printf("%s%.*s", at == value ? "" : between, (int)(fixed < n ? fixed + 1 : n), at);
        at += n + (at[n] == ',');
    }
}

/* In single quotes; `special` characters get a backslash. */
static void put_quoted(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\'");
        else if (strchr(special, *text))
            putchar('\\');
        putchar(*text);
    }
}

static void put_command_names(const char *between)
{
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        printf("%s%s", c == lic_options_commands ? "" : between, c->name);
}

/* What a command reads besides folders, as suffixes. */
static const char *suffixes_of(lic_command command, const char *between)
{
    static char text[80];
    static const char *const names[] = {"png", "jpg", "jpeg", "ppm", "pgm", "lic", "licw", "json"};
    size_t first = 0, last = 5;
    if (command == LIC_COMMAND_DECODE)
        first = 5, last = 6;
    else if (command == LIC_COMMAND_INFO)
        first = 5, last = 7;
    else if (command == LIC_COMMAND_EVAL)
        last = 6;
    else if (command == LIC_COMMAND_BDRATE)
        first = 7, last = 8;
    text[0] = 0;
    for (size_t i = first; i < last; i++) {
        strcat(text, i > first ? between : "");
        strcat(text, names[i]);
    }
    return text;
}

/* ---- bash ---- */

static void bash_names(const lic_option *o)
{
    if (o->letter)
        printf("-%c", o->letter);
    if (*o->name)
        printf("%s--%s", o->letter ? "|" : "", o->name);
}

static void bash_values(void)
{
    for (const lic_option *o = lic_options_table; o->name; o++) {
        if (!o->value)
            continue;
        printf("    ");
        bash_names(o);
        printf(") ");
        if (o->value_optional) { /* which only follows an equals sign */
            puts("[[ $equals ]] && { _lic_files '*'; return; } ;;");
            continue;
        }
        if (kind_of(o) == KIND_WORDS) {
            printf("mapfile -t COMPREPLY < <(compgen -W '");
            put_words(o->value, " ");
            printf("' -- \"$cur\"); ");
        } else if (kind_of(o) == KIND_FILE) {
            printf("_lic_files '*'; ");
        } else if (kind_of(o) == KIND_FOLDER) {
            printf("_lic_files ''; ");
        }
        puts("return ;;");
    }
}

static void bash_options(const lic_command_row *c)
{
    printf("        %s) words='", c->name);
    for (const lic_option *o = lic_options_table; o->name; o++) {
        if (!(o->commands & c->command))
            continue;
        if (o->letter)
            printf("-%c ", o->letter);
        if (*o->name)
            printf("--%s ", o->name);
    }
    printf("' suffixes='*.@(%s)' ;;\n", suffixes_of(c->command, "|"));
}

static void complete_bash(void)
{
    puts("# bash completion for lic: source <(lic --completion bash)\n"
         "_lic_files() # PATTERN: folders, and files that it matches\n"
         "{\n"
         "    local name\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    while IFS= read -r name; do\n"
         "        # shellcheck disable=SC2053\n"
         "        [[ -d $name || ${name,,} == $1 ]] && COMPREPLY+=(\"$name\")\n"
         "    done < <(compgen -f -- \"$cur\")\n"
         "}\n"
         "_lic()\n"
         "{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    local command='' words='' suffixes='*' equals='' word\n"
         "    COMPREPLY=()\n"
         "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
         "        case $word in");
    printf("        ");
    put_command_names("|");
    puts(") command=$word; break ;;\n"
         "        esac\n"
         "    done\n"
         "    # The shell takes --name=value for three words.\n"
         "    if [[ $cur == '=' ]]; then\n"
         "        cur='' equals=1\n"
         "    elif [[ $prev == '=' ]]; then\n"
         "        prev=${COMP_WORDS[COMP_CWORD - 2]} equals=1\n"
         "    fi\n"
         "    case $prev in");
    bash_values();
    puts("    esac\n"
         "    case $command in");
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        bash_options(c);
    printf("        *) words='");
    put_command_names(" ");
    puts(" --help --version --completion -h -V' ;;\n"
         "    esac\n"
         "    if [[ $cur == -* || ! $command ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "    else\n"
         "        _lic_files \"$suffixes\"\n"
         "    fi\n"
         "}\n"
         "complete -F _lic lic");
}

/* ---- zsh ---- */

static void zsh_option(const lic_option *o)
{
    const bool both = o->letter && *o->name;
    const char *repeats = strcmp(o->name, "verbose") == 0 ? "*" : "";
    printf("            ");
    if (both && !*repeats)
        printf("'(-%c --%s)'", o->letter, o->name);
    if (both)
        printf("{'%s-%c%s','%s--%s%s'}'[", repeats, o->letter, o->value ? "+" : "", repeats,
               o->name, o->value ? "=" : "");
    else if (o->letter)
        printf("'-%c%s[", o->letter, o->value ? "+" : "");
    else
        printf("'--%s%s[", o->name, o->value_optional ? "=-" : o->value ? "=" : "");
    put_quoted(o->help, "[]");
    putchar(']');
    if (o->value) {
        printf("%s:", o->value_optional ? ":" : "");
        put_quoted(o->value, ":");
        putchar(':');
    }
    if (kind_of(o) == KIND_WORDS) {
        putchar('(');
        put_words(o->value, " ");
        putchar(')');
    } else if (kind_of(o) == KIND_FILE) {
        printf("_files");
    } else if (kind_of(o) == KIND_FOLDER) {
        printf("_files -/");
    }
    puts("' \\");
}

static void complete_zsh(void)
{
    puts("#compdef lic\n"
         "# zsh completion for lic: lic --completion zsh >_lic, in a folder of $fpath\n"
         "_lic() {\n"
         "    local line state\n"
         "    local -a commands\n"
         "    commands=(");
    for (const lic_command_row *c = lic_options_commands; c->name; c++) {
        printf("        '%s:", c->name);
        put_quoted(c->help, "");
        puts("'");
    }
    puts("    )\n"
         "    _arguments -C '(- *)--help[all options]' '(- *)-h[short help]' \\\n"
         "        '(- *)'{-V,--version}'[version, CPU, models]' \\\n"
         "        '--completion=[print completions]:shell:(bash zsh fish)' \\\n"
         "        '1:command:{_describe command commands}' '*::word:->words'\n"
         "    [[ $state == words ]] || return\n"
         "    case $line[1] in");
    for (const lic_command_row *c = lic_options_commands; c->name; c++) {
        printf("    %s)\n        _arguments -s \\\n", c->name);
        for (const lic_option *o = lic_options_table; o->name; o++)
            if (o->commands & c->command) {
                const lic_option as = lic_options_as(o, c->command);
                zsh_option(&as);
            }
        printf("            '*:file:_files -g \"*.(#i)(%s)(-.)\"' ;;\n",
               suffixes_of(c->command, "|"));
    }
    puts("    esac\n"
         "}\n"
         "if [[ $funcstack[1] == _lic ]]; then _lic \"$@\"; else compdef _lic lic; fi");
}

/* ---- fish ---- */

static void fish_sense(const lic_option *o, unsigned commands)
{
    printf("complete -c lic -n '__fish_seen_subcommand_from");
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        if (commands & c->command)
            printf(" %s", c->name);
    putchar('\'');
    if (o->letter)
        printf(" -s %c", o->letter);
    if (*o->name)
        printf(" -l %s", o->name);
    if (kind_of(o) == KIND_WORDS) {
        printf(" -x -a '");
        put_words(o->value, " ");
        putchar('\'');
    } else if (kind_of(o) == KIND_FOLDER) {
        printf(" -x -a '(__fish_complete_directories)'");
    } else if (o->value && !o->value_optional) {
        printf(kind_of(o) == KIND_FILE ? " -r" : " -x");
    }
    printf(" -d '");
    put_quoted(o->help, "\\");
    puts("'");
}

/* In each of its senses, for the commands that take it so. */
static void fish_option(const lic_option *o)
{
    unsigned others = o->commands;
    for (const lic_option_sense *s = lic_options_senses; s->commands; s++) {
        const unsigned commands = s->commands & others;
        if (!commands || strcmp(s->name, o->name) != 0)
            continue;
        const lic_option as = lic_options_as(o, commands);
        fish_sense(&as, commands);
        others &= ~commands;
    }
    if (others)
        fish_sense(o, others);
}

static void complete_fish(void)
{
    puts("# fish completion for lic: lic --completion fish >~/.config/fish/completions/lic.fish");
    for (const lic_command_row *c = lic_options_commands; c->name; c++) {
        printf("complete -c lic -n __fish_use_subcommand -f -a %s -d '", c->name);
        put_quoted(c->help, "\\");
        puts("'");
    }
    puts("complete -c lic -n __fish_use_subcommand -s h -l help -d 'all options'\n"
         "complete -c lic -n __fish_use_subcommand -s V -l version -d 'version, CPU, models'\n"
         "complete -c lic -n __fish_use_subcommand -l completion -x -a 'bash zsh fish'");
    for (const lic_option *o = lic_options_table; o->name; o++)
        fish_option(o);
}

void lic_options_complete(const lic_settings *settings)
{
    if (settings->completion == LIC_SHELL_BASH)
        complete_bash();
    else if (settings->completion == LIC_SHELL_ZSH)
        complete_zsh();
    else
        complete_fish();
}
