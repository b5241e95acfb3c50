# shellcheck shell=bash
# What the commands say to a person: steps, progress, and one sentence when something is wrong.
: "${command:?the name that messages begin with}"

if [ -t 2 ] && [ -z "${CI:-}" ] && [ "${TERM:-dumb}" != dumb ]; then live=1; else live=; fi
if [ -n "$live" ] && [ -z "${NO_COLOR:-}" ]; then
  # shellcheck disable=SC2034 # for the commands
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  # shellcheck disable=SC2034
  bold='' red='' green='' plain=''
fi

say() { printf '%s\n' "$*" >&2; }

say_done() { printf '  %s✓%s %s\n' "$green" "$plain" "$*" >&2; }

# Ends the command with one sentence.
fail() {
  [ -z "$live" ] || printf '\r\e[K' >&2
  printf '%s%s: %s%s\n' "$red" "$command" "$*" "$plain" >&2
  exit 1
}

tell_interrupted() {
  [ -z "$live" ] || printf '\r\e[K' >&2
  say "$command: interrupted; what it had begun is undone."
}

# Prints the comment at the top of the command: its help.
show_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

describe_seconds() {
  if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# The last "n/m" that cargo wrote to its log.
read_cargo_progress() { tail -c 600 "$1" 2>/dev/null | tr '\r' '\n' | sed -nE 's|.*\] +([0-9]+)/([0-9]+).*|\1 of \2|p' | tail -n 1; }

# show_progress PID LABEL LOG: says how far a background process is, until it ends: in place on a terminal, else now and then.
show_progress() {
  local pid=$1 label=$2 log=$3 begun=$SECONDS every=15 told=0 at seconds
  [ -z "${CI:-}" ] || every=60
  while kill -0 "$pid" 2>/dev/null; do
    seconds=$((SECONDS - begun))
    if [ -n "$live" ]; then
      at=$(read_cargo_progress "$log")
      printf '\r\e[K  … %s%s (%s)' "$label" "${at:+, $at}" "$(describe_seconds $seconds)" >&2
    elif [ $((seconds - told)) -ge $every ]; then
      told=$seconds
      at=$(read_cargo_progress "$log")
      say "  … $label${at:+, $at} ($(describe_seconds $seconds))"
    fi
    sleep 0.1
  done
  [ -z "$live" ] || printf '\r\e[K' >&2
}

# explain_failure WHAT LOG: ends the command with the reason that a step's log gives. A cause that lies outside the project gets one
# sentence; anything else also gets the end of the log.
explain_failure() {
  local what=$1 log=$2 line
  line=$(read_log "$log" | grep -m 1 -E 'No space left on device|not have enough free space|ENOSPC' || true)
  [ -z "$line" ] || fail "$what failed because the disk is full (log: $log)."
  line=$(read_log "$log" | grep -E 'Could not resolve|Temporary failure|Network is unreachable|timed out|EAI_AGAIN|ENOTFOUND|ETIMEDOUT' | tail -n 1 || true)
  [ -n "$line" ] || line=$(read_log "$log" | grep -E 'Could not connect|[Ff]ailed to (fetch|download|get) |spurious network error' | tail -n 1 || true)
  # code that does not compile may quote any of these words
  if read_log "$log" | grep -qE '^error: could not compile|^error\[E'; then line=; fi
  [ -z "$line" ] || fail "$what failed because the network did not answer: $(tidy_line "$line") (log: $log)."
  say ""
  read_log "$log" | tail -n "${FAENA_LOG_TAIL:-25}" >&2
  fail "$what failed; the lines above are the end of $log."
}

# A log without the progress bars, which overwrite each other on a terminal, and without a backtrace at its end.
read_log() { tr '\r' '\n' <"$1" | sed -E '/^ *[A-Z][a-z]+ \[[=> ]+\]/d; /^[Ss]tack backtrace:$/,$d; /^$/d'; }

# One line of somebody else's message, short enough to stand inside a sentence of ours.
tidy_line() { printf '%s' "$1" | sed -E 's/\x1b\[[0-9;]*[A-Za-z]//g; s/^[[:space:]]*//; s/^(E|W|Err):[0-9]* *//; s/[[:space:].]*$//' | cut -c 1-160; }
