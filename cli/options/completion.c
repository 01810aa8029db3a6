/* completion.c - lic --completion: scripts for shells. They know nothing of lic: at each tab they
 * ask `lic --complete WORD...`, which answers from the tables in options.h and table.c. The name of
 * a value there tells what it may be: "png,jpg" are words to choose from, FILE is a file, DIR a
 * folder; any other name gives no hint. */
#include "cli/options/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- the scripts ---- */

static const char bash[] =
    "# bash completion for lic: source <(lic --completion bash)\n"
    "_lic()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} line name pattern\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "        :folders) pattern='' ;;\n"
    "        :files) pattern='*' ;;\n"
    "        :files*) line=${line#:files } pattern=\"*.@(${line// /|})\" ;;\n"
    "        *) COMPREPLY+=(\"${line%%$'\\t'*}\"); continue ;;\n"
    "        esac\n"
    "        [[ $cur == '=' ]] && cur=''\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        while IFS= read -r name; do\n"
    "            # shellcheck disable=SC2053\n"
    "            [[ -d $name || ${name,,} == $pattern ]] && COMPREPLY+=(\"$name\")\n"
    "        done < <(compgen -f -- \"$cur\")\n"
    "    done < <(\"${COMP_WORDS[0]/#\\~/$HOME}\" --complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -F _lic lic\n";

static const char zsh[] =
    "#compdef lic\n"
    "# zsh completion for lic: lic --completion zsh >_lic, in a folder of $fpath\n"
    "_lic() {\n"
    "    local line\n"
    "    local -a found suffixes\n"
    "    for line in ${(f)\"$(${~words[1]} --complete \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\"}; "
    "do\n"
    "        [[ $words[CURRENT] == --*=* ]] && compset -P '*='\n"
    "        case $line in\n"
    "        :folders) _files -/ ;;\n"
    "        :files) _files ;;\n"
    "        :files*) suffixes=(${=line#:files}); _files -g \"*.(#i)(${(j:|:)suffixes})(-.)\" ;;\n"
    "        *) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    (( $#found )) && _describe lic found\n"
    "}\n"
    "if [[ $funcstack[1] == _lic ]]; then _lic \"$@\"; else compdef _lic lic; fi\n";

static const char fish[] =
    "# fish completion for lic: lic --completion fish >~/.config/fish/completions/lic.fish\n"
    "function __lic_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l cur (commandline -ct)\n"
    "    set -l begin (string match -r -- '^--[^=]*=' \"$cur\")\n"
    "    for line in ($words[1] --complete $words[2..-1] \"$cur\" 2>/dev/null)\n"
    "        switch $line\n"
    "            case ':folders'\n"
    "                __fish_complete_directories \"$cur\"\n"
    "            case ':files'\n"
    "                __fish_complete_path \"$cur\"\n"
    "            case ':files *'\n"
    "                for suffix in (string split ' ' (string replace ':files ' '' $line))\n"
    "                    __fish_complete_suffix .$suffix\n"
    "                end\n"
    "            case '*'\n"
    "                echo \"$begin$line\"\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c lic -f -a '(__lic_complete)'\n";

void lic_options_complete(const lic_settings *settings)
{
    static const char *const scripts[] = {
        [LIC_SHELL_BASH] = bash, [LIC_SHELL_ZSH] = zsh, [LIC_SHELL_FISH] = fish};
    fputs(scripts[settings->completion], stdout);
}

/* ---- the answers ---- */

/* Offers a word, or its first n letters, if it begins with the text. */
static void offer(const char *text, const char *dashes, const char *word, size_t n,
                  const char *help)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s%.*s", dashes, (int)n, word);
    if (strncmp(whole, text, strlen(text)) == 0)
        printf("%s\t%s\n", whole, help);
}

static void offer_options(unsigned commands, const char *text)
{
    for (const lic_option *o = lic_options_table; o->name; o++) {
        const lic_option as = lic_options_as(o, commands);
        if (!(o->commands & commands))
            continue;
        if (o->letter)
            offer(text, "-", &o->letter, 1, as.help);
        if (*o->name)
            offer(text, "--", o->name, strlen(o->name), as.help);
    }
}

/* Called if there is no command yet. */
static void offer_commands(const char *text)
{
    static const char *const global[] = {"help", "version", "completion"};
    for (const lic_command_row *c = lic_options_commands; c->name; c++)
        offer(text, "", c->name, strlen(c->name), c->help);
    for (size_t i = 0; i < sizeof global / sizeof *global; i++) {
        const lic_option *o = lic_option_named(global[i], strlen(global[i]));
        offer(text, "--", o->name, strlen(o->name), o->help);
    }
}

/* Of "blend=RRGGBB" only the fixed part is a word. */
static void offer_values(const lic_option *o, const char *text)
{
    const char *value = o->value;
    if (strcmp(value, "DIR") == 0)
        puts(":folders");
    else if (strstr(value, "FILE"))
        puts(":files");
    for (size_t n; islower((unsigned char)o->value[0]) && *value; value += n + (value[n] == ',')) {
        n = strcspn(value, ",");
        const size_t fixed = strcspn(value, ",=");
        offer(text, "", value, fixed < n ? fixed + 1 : n, "");
    }
}

static const lic_option *option_of(const char *word)
{
    const bool is_long = word[0] == '-' && word[1] == '-';
    const bool is_letter = word[0] == '-' && word[1] && !word[2];
    return is_long     ? lic_option_named(word + 2, strcspn(word + 2, "="))
           : is_letter ? lic_option_lettered(word[1])
                       : NULL;
}

void lic_options_complete_words(int n, char **words)
{
    const lic_command_row *command = NULL;
    const char *text = words[n - 1], *before = n > 1 ? words[n - 2] : "";
    const char *equals = strncmp(text, "--", 2) == 0 ? strchr(text, '=') : NULL;
    bool after_equals = equals != NULL;
    for (int i = 0; i < n - 1 && !command; i++)
        for (const lic_command_row *c = lic_options_commands; c->name && !command; c++)
            command = strcmp(words[i], c->name) == 0 ? c : NULL;
    if (equals) { /* zsh and fish give --name=value as it stands, */
        before = text;
        text = equals + 1;
    } else if (strcmp(text, "=") == 0) { /* bash as three words */
        after_equals = true;
        text = "";
    } else if (n > 2 && strcmp(before, "=") == 0) {
        after_equals = true;
        before = words[n - 3];
    }
    const lic_option *o = option_of(before);
    const lic_option as = o && command ? lic_options_as(o, command->command)
                          : o          ? *o
                                       : (lic_option){0};
    if (as.value && (after_equals || !as.value_optional))
        offer_values(&as, text);
    else if (!command)
        offer_commands(text);
    else if (text[0] == '-')
        offer_options(command->command, text);
    else
        printf(":files %s\n", command->reads);
}
