#!/bin/sh
# Checks that modules depend on each other one way only:
#     cli -> codec/lic.h -> {models, entropy} -> codec/base
# and that entropy/ computes with integers alone. Prints each offending line; exits 1 if there is one.
# Run from anywhere; takes nothing. Tests and training code may include what they test.
set -eu
cd "$(dirname "$0")/.."

bad=0

# only FOLDER ALLOWED: files in FOLDER may include "..." headers that match ALLOWED and no others.
only() {
    find "$1" -name train -prune -o \( -name '*.c' -o -name '*.h' \) -type f -print | sort |
        xargs -r grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
        grep -vE "include[[:space:]]*\"($2)\"" || true
}

report() {
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1" "$2"
        bad=1
    fi
}

base='codec/base/[a-z0-9_]+\.h'
public='codec/lic\.h'

# Inside cli/, each room may include what stands above it here.
room() { # FOLDER ALLOWED
    report "cli/$1/ may include, beside codec/lic.h, only $2:" "$(only "cli/$1" "cli/($2)\.h|$public")"
}
any='[a-z0-9_]+'
room base "base/$any"
room picture "(base|picture)/$any"
room options "(base|picture|options)/$any|batch/target|rd/curve"
room batch "(base|picture|options|batch)/$any|rd/metrics"
room rd "(base|picture|options|batch|rd)/$any"
room package "(base|picture|package/desktop)/$any|options/read_value"
report 'cli/ may include its own headers and codec/lic.h:' \
    "$(only cli "cli/[a-z0-9_/]+\.h|$public")"
report 'models/ may include its own headers, codec/base and codec/lic.h:' \
    "$(only models "models/[a-z0-9_/]+\.h|$base|$public")"
report 'entropy/ may include its own headers, codec/base and codec/lic.h:' \
    "$(only entropy "entropy/[a-z0-9_]+\.h|$base|$public")"
report 'codec/base/ may include its own headers and codec/lic.h:' \
    "$(only codec/base "$base|$public")"
report 'codec/ may include the library, with paths from the root:' \
    "$(only codec "(codec|entropy|models)/[a-z0-9_/]+\.h")"

# Comments are blanked, line by line numbering kept, before the search.
floats=$(for f in entropy/*.[ch]; do
    awk -v file="$f" '
        {
            out = ""
            line = $0
            while (line != "") {
                if (inside) {
                    at = index(line, "*/")
                    if (!at) break
                    line = substr(line, at + 2)
                    inside = 0
                } else {
                    at = index(line, "/*")
                    end = index(line, "//")
                    if (end && (!at || end < at)) { out = out substr(line, 1, end - 1); break }
                    if (!at) { out = out line; break }
                    out = out substr(line, 1, at - 1) " "
                    line = substr(line, at + 2)
                    inside = 1
                }
            }
            if (out ~ /(^|[^A-Za-z0-9_])(float|double)([^A-Za-z0-9_]|$)/ ||
                out ~ /<(math|tgmath|float|complex|fenv)\.h>/)
                print file ":" FNR ":" $0
        }' "$f"
done)
report 'entropy/ holds integers only:' "$floats"

exit $bad
