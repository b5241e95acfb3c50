#!/usr/bin/env bash
# The stories of deploy/up, with the real programs, in a state directory of its own and on free ports.
# Usage: deploy_up.sh [WORD]: only the stories whose name holds the word.
set -euo pipefail

top=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
lib=$top/deploy/lib
# shellcheck source=deploy/lib/processes.sh
. "$lib/processes.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/faena-up.XXXXXX")
# the server's user must be able to reach its data
chmod 755 "$work"
trap 'FAENA_STATE_DIR=$work/state "$top/deploy/up" --stop >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP

main() {
  local story
  for story in $(declare -F | awk '$3 ~ /^story_/ {print $3}'); do
    [[ $story == *"${1:-}"* ]] || continue
    # in the background, where `set -e` still holds inside
    (begin; "$story") &
    wait $! || { echo "FAILED: ${story#story_}" >&2; exit 1; }
    "$top/deploy/up" --stop >/dev/null 2>&1 || true
    echo "ok: ${story#story_}"
  done
}

# Given: nothing of ours on this machine, and ports that nobody has.
begin() {
  local name
  export FAENA_STATE_DIR=$work/state
  unset DATABASE_URL REDIS_URL CACHE_REDIS_URL SMTP_URL S3_ENDPOINT
  for name in WEB WORKER POSTGRES REDIS SANDBOX SMTP SMTPS S3 STRIPE PAYPAL; do export "FAENA_${name}_PORT=$(pick_free_port)"; done
}

story_a_starts_resumes_and_ends() {
  up
  see "$output" "Faena is ready"
  see "$(curl --noproxy '*' -fsS "http://127.0.0.1:$FAENA_WEB_PORT/ready")" '"ready":true'
  see "$("$top/deploy/up" --status 2>&1)" "web .*runs as process"
  # the worker's commands work as they are printed
  see "$("$work/state/worker" check)" "in order"
  see "$("$work/state/worker" inspect)" "^critical"
  local pids
  pids=$(read_all_pids)

  # again: nothing is started anew
  up
  same "$pids" "$(read_all_pids)"

  # with another setting the programs are, and the servers are not
  RUST_LOG=warn up
  same "$(grep -E 'postgres|redis|sandbox' <<<"$pids")" "$(read_all_pids | grep -E 'postgres|redis|sandbox')"
  differ "$(grep web <<<"$pids")" "$(read_all_pids | grep web)"
  differ "$(grep worker <<<"$pids")" "$(read_all_pids | grep worker)"

  "$top/deploy/up" --stop 2>/dev/null
  nothing_runs
  not_ok "$top/deploy/up" --status
  # the data is still there
  up
  see "$(ls "$work/state")" postgres

  "$top/deploy/up" --reset --yes 2>/dev/null
  nothing_runs
  same "" "$(find "$work/state" -mindepth 1 ! -name lock)"
}

story_refuses_a_taken_port() {
  local holder
  redis-server --port "$FAENA_S3_PORT" --bind 127.0.0.1 --save "" --dir "$work" >/dev/null &
  holder=$!
  until find_listener "$FAENA_S3_PORT" >/dev/null; do kill -0 "$holder"; done
  up_fails
  kill "$holder"
  wait "$holder" || true
  one_sentence "port $FAENA_S3_PORT is taken by redis-server \(process $holder\): .*FAENA_S3_PORT="
  nothing_runs
}

story_refuses_a_second_one_at_once() {
  stub_cargo 'sleep 60'
  "$top/deploy/up" 2>/dev/null &
  local first=$!
  wait_for cargo_begun
  up_fails
  one_sentence "another deploy/up is at work in this clone \(process $first\)"
  kill "$first"
  not_ok wait "$first"
  nothing_runs
}

story_says_when_the_network_is_gone() {
  stub_cargo 'echo "error: failed to download from index: Could not resolve host: index.example" >&2; exit 101'
  up_fails
  one_sentence "fetching the dependencies failed because the network did not answer: .*index.example"
  nothing_runs
}

story_says_when_the_disk_is_full() {
  stub_cargo 'echo "error: cannot write: No space left on device (os error 28)" >&2; exit 101'
  up_fails
  one_sentence "failed because the disk is full"
  nothing_runs
}

story_shows_why_a_program_died() {
  SECRET_KEY=short up_fails
  see "$output" "(worker|migrating the database) .*the lines above"
  see "$output" SECRET_KEY
  nothing_runs
}

story_leaves_nothing_when_killed_half_way() {
  local signal first
  for signal in TERM KILL; do
    "$top/deploy/up" >/dev/null 2>&1 &
    first=$!
    wait_for is_alive "$work/state/pids/redis"
    kill -s "$signal" "$first"
    { wait "$first"; } 2>/dev/null || true
    wait_for nothing_runs
  done
}

# -- verbs

up() {
  output=$("$top/deploy/up" 2>&1) || { printf '%s\n' "$output" >&2; return 1; }
}

up_fails() {
  if output=$("$top/deploy/up" 2>&1); then
    echo "it began all the same" >&2
    return 1
  fi
}

# A cargo that does this at its first command; its version is real.
stub_cargo() {
  mkdir -p "$work/bin"
  cat >"$work/bin/cargo" <<SCRIPT
#!/bin/sh
if [ "\$1" = --version ]; then echo "cargo 999.0.0"; exit; fi
: >"$work/begun"
$1
SCRIPT
  chmod +x "$work/bin/cargo"
  rm -f "$work/begun"
  PATH=$work/bin:$PATH
}

cargo_begun() { [ -e "$work/begun" ]; }

wait_for() {
  local end=$((SECONDS + 60))
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$end" ] || { echo "after 60 s still not: $*" >&2; return 1; }
    sleep 0.05
  done
}

read_all_pids() { awk '{print FILENAME, $1}' "$work"/state/pids/*; }

# -- what is now true

see() { grep -qE -- "$2" <<<"$1" || { printf 'no "%s" in: %s\n' "$2" "$1" >&2; return 1; }; }

one_sentence() {
  same 1 "$(wc -l <<<"$output")"
  see "$output" "^deploy/up: .*$1"
}

same() { [ "$1" = "$2" ] || { printf 'not the same:\n%s\n%s\n' "$1" "$2" >&2; return 1; }; }

differ() { [ "$1" != "$2" ] || { echo "nothing has changed: $1" >&2; return 1; }; }

not_ok() { if "$@" >/dev/null 2>&1; then echo "this should have failed: $*" >&2; return 1; fi; }

# No process that names this directory, and no pid file.
nothing_runs() {
  local left
  # in brackets, so that this grep does not find itself
  left=$(find "$work/state/pids" -type f 2>/dev/null; grep -las "${work/faena-up./faena-up[.]}/state" /proc/[0-9]*/cmdline || true)
  [ -z "$left" ] || { echo "still there: $left" >&2; return 1; }
}

main "$@"
