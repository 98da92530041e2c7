#!/usr/bin/env bash
# Install system packages as root or through sudo, or print the one line to run. Arguments: packages.
set -euo pipefail
line="apt-get update && apt-get install -y --no-install-recommends $*"

if ! command -v apt-get >/dev/null; then
    echo "error: system packages are missing, install what your system calls: $*" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    as_root=(sudo)
else
    echo "error: system packages are missing, run this once as root: $line" >&2
    exit 1
fi
echo "installing system packages: $*"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null || {
    echo "error: system packages could not be installed, run this once as root: $line" >&2
    exit 1
}
