#!/usr/bin/env bash
# One reward with curl. Needs bash, base64 and curl.
#
#   examples/score.sh docs/frame.png cartpole-upright http://127.0.0.1:8000
#
# Null policy: where the frame has no reward, the answer says why and the exit status is 3. No number stands in.
set -euo pipefail
frame=$1 rubric=${2:-cartpole-upright} url=${3:-http://127.0.0.1:8000}

answer=$(printf '{"images": ["%s"], "rubric": "%s"}' "$(base64 -w0 "$frame")" "$rubric" |
  curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' --data @- "$url/score") ||
  { printf '%s\n' "$answer" >&2; exit 1; }
printf '%s\n' "$answer"
if [[ $answer =~ \"reward\":\ *null ]]; then exit 3; fi
