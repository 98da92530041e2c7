#!/usr/bin/env bash
# All tests in two halves side by side, those of the window and the others, each on a screen of its own. Options go to both.
set -uo pipefail
set -m # so that Ctrl-C and the end of one half reach the other as they would alone
pytest=$1
shift
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # the halves would wait for each other's threads
with_display=$(dirname "${BASH_SOURCE[0]}")/with_display.sh

others_said=$(mktemp)
"$with_display" "$pytest" --ignore=tests/ui "$@" >"$others_said" 2>&1 &
others=$!
trap 'kill -- -$others 2>/dev/null; rm -f "$others_said"' EXIT

"$with_display" "$pytest" tests/ui -p no:cacheprovider "$@"
of_window=$?
wait "$others"
of_others=$?
cat "$others_said"
exit $((of_window > of_others ? of_window : of_others))
