#!/usr/bin/env bash
# Builds Debian packages into a folder:  build.sh FOLDER   (`make deb` calls it)
#
#   lic             program, manual page, completions, file type, thumbnailer
#   lic-weights     the networks, for every architecture
#   liblic0         the shared library
#   liblic-dev      header, static library, lic.pc
#   lic-gdk-pixbuf  the module for GTK programs, where gdk-pixbuf's headers are
#   python3-lic     the Python package, where python3's setuptools and wheel are
#
# No debhelper: what is installed is what `make install` and `make install-desktop` put down, cut in five.
# Dependencies are what dpkg-shlibdeps finds in the binaries. Same sources, same bytes: times in the
# packages are those of the last commit (SOURCE_DATE_EPOCH).
set -eu -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../../.."
out=${1:?a folder for the packages}
for tool in dpkg-deb dpkg-shlibdeps dpkg-architecture; do
    command -v $tool >/dev/null || { echo "make deb needs $tool (Debian: dpkg-dev)" >&2; exit 1; }
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
umask 022
version=$(sed -n 's/^.define LIC_VERSION *"\(.*\)"/\1/p' codec/lic.h)
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- build, and install into a scratch tree ------------------------------------------------------

places=(PREFIX=/usr "LIBDIR=/usr/lib/$triplet" "DESTDIR=$work/all")
${MAKE:-make} --no-print-directory BUILD="$out/build" "${places[@]}" \
    CFLAGS="${CFLAGS:--g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$PWD=.}" \
    LDFLAGS="${LDFLAGS:--Wl,-z,relro,-z,now}" all desktop
${MAKE:-make} --no-print-directory BUILD="$out/build" "${places[@]}" install-files install-desktop-files
all=$work/all/usr
find "$all" -type f \( -name '*.so*' -o -path '*/bin/*' \) -exec strip --strip-unneeded {} +
strip --strip-debug --enable-deterministic-archives "$all/lib/$triplet/liblic.a"
gzip -9n "$all"/share/man/man1/*.1

take() { # PACKAGE PATH...: moves what is there into the package
    local package=$1 pattern path
    shift
    for pattern; do
        for path in "$all"/$pattern; do
            [ -e "$path" ] || [ -L "$path" ] || continue
            mkdir -p "$work/$package/usr/$(dirname "${path#"$all"/}")"
            mv "$path" "$work/$package/usr/$(dirname "${path#"$all"/}")/"
        done
    done
}
take lic-weights share/lic
take lic bin share
take liblic0 "lib/$triplet/liblic.so.*"
take liblic-dev include "lib/$triplet/liblic.so" "lib/$triplet/liblic.a" "lib/$triplet/pkgconfig"
take lic-gdk-pixbuf 'lib/*/gdk-pixbuf-2.0'
left=$(find "$all" -type f -o -type l)
[ -z "$left" ] || { printf 'in no package: %s\n' "$left" >&2; exit 1; }

# ---- Python --------------------------------------------------------------------------------------

# The wheel without library and weights, unpacked; both are in packages of their own.
python=${PYTHON:-/usr/bin/python3}
modules=$work/python3-lic/usr/lib/python3/dist-packages
if "$python" -c 'import setuptools, wheel' 2>/dev/null; then
    mkdir -p "$modules" "$work/python3-lic/usr/share/doc/python3-lic/examples" "$work/python3-lic/DEBIAN"
    "$python" -m zipfile -e "$("$python" codec/python/build_wheel.py "$work/wheel")" "$modules"
    rm "$modules"/lic-*.dist-info/RECORD
    cp codec/python/example/rd_curve.py "$work/python3-lic/usr/share/doc/python3-lic/examples/"
    # Into a folder that is not the system (dpkg --root) nothing is compiled.
    printf '#!/bin/sh\nset -e\nif [ -z "$DPKG_ROOT" ] && command -v %s >/dev/null; then %s -p python3-lic; fi\n' \
        py3compile py3compile >"$work/python3-lic/DEBIAN/postinst"
    printf '#!/bin/sh\nset -e\nif [ -z "$DPKG_ROOT" ] && command -v %s >/dev/null; then %s -p python3-lic; fi\n' \
        py3clean py3clean >"$work/python3-lic/DEBIAN/prerm"
    chmod 755 "$work/python3-lic/DEBIAN/postinst" "$work/python3-lic/DEBIAN/prerm"
fi

# ---- one package ---------------------------------------------------------------------------------

binaries() { # PACKAGE: its programs and libraries
    find "$work/$1" -type f \( -path '*/bin/*' -o -name '*.so*' \)
}

depends() { # PACKAGE: what its binaries need, as "Depends: ..." would have it
    local files
    files=$(binaries "$1")
    [ -n "$files" ] || return 0
    mkdir -p "$work/shlibs/debian"
    printf 'Source: lic\n\nPackage: %s\nArchitecture: any\n' "$1" >"$work/shlibs/debian/control"
    # shellcheck disable=SC2086
    (cd "$work/shlibs" && dpkg-shlibdeps -O --warnings=0 $files) | sed -n 's/^shlibs:Depends=//p'
}

package() { # NAME SECTION OTHER-DEPENDS SUMMARY TEXT [RECOMMENDS]
    local name=$1 section=$2 needs=$3 tree=$work/$1 found architecture=$architecture
    case $name in lic-weights | python3-lic) architecture=all ;; esac
    found=$(depends "$name")
    needs=${found}${found:+${needs:+, }}$needs
    mkdir -p "$tree/DEBIAN" "$tree/usr/share/doc/$name"
    { printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n'
      printf 'Files: *\nCopyright: 2026 the lic authors\nLicense: Expat\n'
      sed '1,4d; s/^$/./; s/^/ /' LICENSE; } >"$tree/usr/share/doc/$name/copyright"
    { printf 'Package: %s\nSource: lic\nVersion: %s\nArchitecture: %s\n' "$name" "$version" "$architecture"
      printf 'Maintainer: the lic authors <lic@example.org>\nSection: %s\nPriority: optional\n' "$section"
      case $name in lib*) echo 'Multi-Arch: same' ;; esac
      printf 'Installed-Size: %s\n' "$(du -sk --apparent-size "$tree/usr" | cut -f1)"
      [ -z "$needs" ] || printf 'Depends: %s\n' "$needs"
      [ -z "${6:-}" ] || printf 'Recommends: %s\n' "$6"
      printf 'Description: %s\n %s\n' "$4" "$5"; } >"$tree/DEBIAN/control"
    if [ "$name" = liblic0 ]; then
        echo "liblic 0 liblic0 (>= $version)" >"$tree/DEBIAN/shlibs"
        echo 'activate-noawait ldconfig' >"$tree/DEBIAN/triggers"
    fi
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -b "$tree" "$out/${name}_${version}_$architecture.deb"
}

package lic-weights graphics '' 'learned image codec, networks' \
    'What lic and liblic encode and decode with, and every .lic picture needs.'
package lic graphics "lic-weights (= $version)" 'learned image codec' \
    'Compresses pictures with neural networks on the CPU and brings them back.'
package liblic0 libs "lic-weights (= $version)" 'learned image codec, shared library' \
    'Encodes and decodes .lic pictures.'
package liblic-dev libdevel "liblic0 (= $version), zlib1g-dev" 'learned image codec, for development' \
    'Header, static library and pkg-config file of liblic.'
if [ -d "$work/lic-gdk-pixbuf" ]; then
    package lic-gdk-pixbuf graphics "lic (= $version)" 'learned image codec for GTK programs' \
        'A module with which gdk-pixbuf reads .lic pictures.'
fi
if [ -d "$modules" ]; then
    package python3-lic python "python3 (>= 3.9), python3-numpy, liblic0 (= $version)" \
        'learned image codec for Python, numpy and Pillow' \
        'Encodes and decodes .lic pictures in arrays, and makes Pillow open and save them.' python3-pil
fi
