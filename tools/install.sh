#!/usr/bin/env bash
# Make .venv and install the pinned dependencies into it. Argument: the Python to use.
set -euo pipefail
python=${1:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "error: Python 3.11 or newer is needed, '$python' is not, call: make PYTHON=python3.12 ..." >&2
    exit 1
}
# Debian packs what makes environments apart from Python.
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$(dirname "$0")/apt_install.sh" "python$version-venv"
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "installing into .venv (first time: some minutes)"
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt)
"${pip[@]}" --upgrade pip # one that is years old takes a minute more to choose versions
"${pip[@]}" --no-compile --editable '.[dev]'
# pip compiles file by file; some packages bring files that are no Python of this version. A third of all is tests of packages.
.venv/bin/python -m compileall -q -j 0 -x '/_?tests?/' .venv/lib >/dev/null 2>&1 || true
