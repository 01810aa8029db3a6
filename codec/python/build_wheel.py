#!/usr/bin/env python3
"""Builds the wheel in a scratch copy, so that the sources stay as they are:

    build_wheel.py OUT [LIBRARY WEIGHTS...]

Without a library the wheel is for machines that have liblic and its weights installed. Prints the
wheel's path. Needs setuptools and wheel; no compiler, and no network.
"""
import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def stage(folder: pathlib.Path, library: str, weights: list) -> None:
    """Puts together what the wheel is built from: the package, lic.h, the library and the weights."""
    for name in ('pyproject.toml', 'setup.py', 'README.md'):
        shutil.copyfile(HERE / name, folder / name)
    shutil.copyfile(HERE.parent / 'lic.h', folder / 'lic.h')
    shutil.copyfile(ROOT / 'LICENSE', folder / 'LICENSE')
    package = folder / 'lic'
    shutil.copytree(HERE / 'lic', package, ignore=shutil.ignore_patterns('__pycache__'))
    if library:
        shutil.copyfile(library, package / 'liblic.so.0')
        if shutil.which('strip'):
            subprocess.run(['strip', '--strip-unneeded', package / 'liblic.so.0'], check=True)
    for path in weights:
        shutil.copyfile(path, package / pathlib.Path(path).name)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        from setuptools import build_meta
        import wheel  # noqa: F401
    except ImportError as error:
        print(f'make wheel needs {error.name} (Debian: python3-setuptools, python3-wheel)',
              file=sys.stderr)
        return 1
    out = pathlib.Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    library, weights = (sys.argv[2:3] or [''])[0], [os.path.abspath(path) for path in sys.argv[3:]]
    with tempfile.TemporaryDirectory() as folder:
        stage(pathlib.Path(folder), library and os.path.abspath(library), weights)
        os.chdir(folder)
        log = io.StringIO()
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                name = build_meta.build_wheel(str(out))
        except BaseException:
            sys.stderr.write(log.getvalue())
            raise
        finally:
            os.chdir(out)
    print(out / name)
    return 0


if __name__ == '__main__':
    sys.exit(main())
