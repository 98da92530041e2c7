#!/usr/bin/env bash
# Run a command with the display, or with a virtual one where there is none.
if "$(dirname "$0")/has_display.sh"; then exec "$@"; fi
exec xvfb-run --auto-servernum --server-args="-screen 0 1600x1000x24" "$@"
