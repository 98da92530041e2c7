#!/usr/bin/env bash
# What Qt and OpenGL need from the system. Libraries are looked for and not packages: their names differ
# between releases of Debian and Ubuntu.
set -euo pipefail
[ "$(uname)" = Linux ] || exit 0

libraries="
libGL.so.1 libgl1
libEGL.so.1 libegl1
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
libdbus-1.so.3 libdbus-1-3
libglib-2.0.so.0 libglib2.0-0
libfontconfig.so.1 libfontconfig1
"
missing=$(.venv/bin/python - "$libraries" <<'PY'
import ctypes, sys
for row in sys.argv[1].split("\n"):
    if row:
        library, package = row.split()
        try:
            ctypes.CDLL(library)
        except OSError:
            print(package)
PY
)
# Software rendering, without which there is no OpenGL on a machine without a graphics card.
compgen -G '/usr/lib*/*/dri/*_dri.so' >/dev/null || compgen -G '/usr/lib*/dri/*_dri.so' >/dev/null \
    || missing+=" libgl1-mesa-dri"
# A window needs letters.
[ -n "$(find -L /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" -name '*.[to]tf' -print -quit 2>/dev/null)" ] \
    || missing+=" fonts-dejavu-core"
if ! "$(dirname "$0")/has_display.sh"; then
    command -v Xvfb >/dev/null && command -v xvfb-run >/dev/null || missing+=" xvfb"
    command -v xauth >/dev/null || missing+=" xauth"
fi
# shellcheck disable=SC2086 # one word per package
[ -z "${missing// /}" ] || "$(dirname "$0")/apt_install.sh" $missing
