#!/usr/bin/env bash
# The Python package: builds the wheel, installs it into a virtual environment where no compiler is to be
# found, and runs the tests of this folder there with pytest, which has the last word.
#   PYTHON=program   default /usr/bin/python3; it needs numpy, Pillow, pytest, setuptools, wheel and venv
source "$(dirname "$0")/../cli/common.bash"
build=${BUILD:-$ROOT/build}
python=${PYTHON:-/usr/bin/python3}

sanitized && skip_rest "Python does not load a library with a sanitizer"
command -v "$python" >/dev/null || skip_rest "$python is not here"
for module in numpy PIL pytest setuptools wheel ensurepip; do
    "$python" -c "import $module" 2>/dev/null || skip_rest "$python has no $module"
done

# `make` of the caller must not choose what is built here.
unset MAKEFLAGS MAKELEVEL MFLAGS PYTHONPATH PYTHONHOME
run make -C "$ROOT" --no-print-directory BUILD="$build" PYTHON="$python" wheel-file
expect "make wheel" 0
wheel=$(echo "$build"/python/lic-*.whl)
holds "one wheel, for any Python 3" bash -c '[[ $1 == *-py3-none-linux_*.whl && -f $1 ]]' - "$wheel"
run "$python" -m venv --system-site-packages "$T/venv"
expect "a virtual environment" 0
run env -i PATH="$T/venv/bin" HOME="$T" pip install --quiet --no-index "$wheel"
expect "pip installs it, with no compiler and no network" 0
holds "its library is inside" test -f "$(echo "$T"/venv/lib/python3*/site-packages/lic/liblic.so.0)"
[ "$failed" -eq 0 ] || { finish; exit 1; }

# Not from the sources' folder, lest a module there is taken for an installed one.
cd "$T" || exit 1
"$T/venv/bin/python" -B -m pytest -q -p no:cacheprovider --rootdir "$ROOT/tests/python" \
    --earlier="$passed" "$ROOT/tests/python" "$@"
