#!/usr/bin/env bash
# Whether a window can be opened here.
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname)" != Linux ]
