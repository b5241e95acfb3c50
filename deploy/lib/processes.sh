# shellcheck shell=bash
# Processes that outlive the command that starts them, and the certainty that a pid is still the process we mean.
# A pid file holds: pid, start time (clock ticks since boot), boot id, fingerprint. A pid alone says nothing: it may be reused.
: "${lib:?deploy/lib}"

read_boot_id() { cat /proc/sys/kernel/random/boot_id; }

# The start time of a live process; fails when it is gone or a zombie.
read_start_time() {
  local line fields
  { line=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  # the command's name, in parentheses, may hold anything: count the fields after it
  read -r -a fields <<<"${line##*) }"
  [ "${fields[0]}" != Z ] && printf '%s' "${fields[19]}"
}

# read_pid PIDFILE: the pid, when that very process is alive.
read_pid() {
  local pid started boot now
  { read -r pid started boot _ <"$1"; } 2>/dev/null || return 1
  [ "$boot" = "$(read_boot_id)" ] && now=$(read_start_time "$pid") && [ "$now" = "$started" ] && printf '%s' "$pid"
}

is_alive() { read_pid "$1" >/dev/null; }

read_fingerprint() { awk '{print $4}' "$1" 2>/dev/null; }

# start_daemon PIDFILE LOG FINGERPRINT COMMAND…: starts it in a session of its own, without a terminal, and returns when its pid
# file is written. The guard (descriptor 8) hears of it first. The log of the run before is kept, and no older one.
start_daemon() {
  local pid_file=$1 log=$2 fingerprint=$3 pid
  shift 3
  rm -f "$pid_file"
  if [ -s "$log" ]; then mv -f "$log" "$log.old"; fi
  printf 'daemon %s\n' "$pid_file" >&8
  setsid bash "$lib/daemon" "$pid_file" "$fingerprint" "$@" </dev/null >>"$log" 2>&1 9>&- &
  pid=$!
  while [ ! -e "$pid_file" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
  disown "$pid" 2>/dev/null || true
}

# stop_daemon PIDFILE [SECONDS]: asks it to end, waits, and kills it when it does not. Postgres takes SIGINT for "end the sessions
# too"; its SIGKILL would leave its children to find out.
stop_daemon() {
  local pid_file=$1 seconds=${2:-20} pid ask=TERM force=KILL
  pid=$(read_pid "$pid_file") || { rm -f "$pid_file"; return 0; }
  case ${pid_file##*/} in postgres*) ask=INT force=QUIT ;; esac
  kill -s "$ask" "$pid" || return 1
  wait_gone "$pid_file" "$seconds" || kill -s "$force" "$pid" 2>/dev/null || true
  wait_gone "$pid_file" 5 || kill -s KILL "$pid" 2>/dev/null || true
  wait_gone "$pid_file" 5 && rm -f "$pid_file"
}

wait_gone() {
  local end=$((SECONDS + $2))
  while is_alive "$1"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# find_marked NAME=TEXT: every process that was started with this in its environment; descendants inherit it.
find_marked() { grep -lzxs "$1" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3 || true; }

# find_session PID: every live process of the session that this one leads or led.
find_session() {
  local dir line fields
  for dir in /proc/[0-9]*; do
    { line=$(<"$dir/stat"); } 2>/dev/null || continue
    read -r -a fields <<<"${line##*) }"
    [ "${fields[3]}" != "$1" ] || [ "${fields[0]}" = Z ] || printf '%s\n' "${dir##*/}"
  done
}

# end_processes FINDER ARGUMENT [SECONDS]: asks all that the finder finds to end, and kills what is left (new children included).
end_processes() {
  local finder=$1 argument=$2 seconds=${3:-3} pids end round
  pids=$("$finder" "$argument")
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086 # a list of pids
  kill -s TERM $pids 2>/dev/null
  end=$((SECONDS + seconds))
  while [ "$SECONDS" -lt "$end" ] && [ -n "$("$finder" "$argument")" ]; do sleep 0.1; done
  for round in 1 2 3 4 5; do
    pids=$("$finder" "$argument")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -s KILL $pids 2>/dev/null
    sleep "0.$round"
  done
  return 0
}

# Starts the guard: it holds the other end of descriptor 8 and undoes what it was told of when this command ends without `keep`,
# however it ends (SIGKILL too, which no trap sees).
start_guard() {
  exec 8> >(exec setsid bash "$lib/guard")
  guard=$!
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

tell_guard() { printf '%s\n' "$*" >&8; }

# The end of every command that started a guard: wait until all is undone.
finish() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP
  exec 8>&-
  wait "$guard" 2>/dev/null || true
  if [ "$status" -gt 128 ]; then tell_interrupted; fi
  exit "$status"
}

# run_step LABEL LOG COMMAND…: runs a long command in a session of its own, with progress; its output goes to the log.
run_step() {
  local label=$1 log=$2 pid status=0
  shift 2
  setsid "$@" </dev/null >"$log" 2>&1 8>&- 9>&- &
  pid=$!
  tell_guard "session $pid"
  show_progress "$pid" "$label" "$log"
  wait "$pid" || status=$?
  tell_guard "ended $pid"
  return "$status"
}

# wait_until SECONDS PIDFILE COMMAND…: until the command succeeds; fails when time is up or the process has died.
wait_until() {
  local end=$((SECONDS + $1)) pid_file=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] && is_alive "$pid_file" || return 1
    sleep 0.1
  done
}

# find_listener PORT: the socket inode of whoever listens on that port of 127.0.0.1 (or of every address); fails when nobody does.
find_listener() {
  awk -v port="$(printf '%04X' "$1")" '
    $4 == "0A" && split($2, at, ":") == 2 && at[2] == port &&
    at[1] ~ /^(00000000|0100007F|00000000000000000000000000000000|0000000000000000FFFF00000100007F)$/ {print $10; found = 1; exit}
    END {exit !found}' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# find_holder INODE: the process that holds that socket, as far as /proc tells.
find_holder() {
  find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\\[$1\\]" 2>/dev/null | sed -nE '1s|/proc/([0-9]+)/.*|\1|p' || true
}

# read_parent PID: the process that started it.
read_parent() { [ -z "$1" ] || awk '$1 == "PPid:" {print $2}' "/proc/$1/status" 2>/dev/null || true; }

describe_process() {
  if [ -n "$1" ]; then printf '%s (process %s)' "$(cat "/proc/$1/comm" 2>/dev/null)" "$1"; else printf "another user's program"; fi
}

# pick_free_port: one that nobody listens on, below the range that outgoing connections take theirs from.
pick_free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    find_listener "$port" >/dev/null || { printf '%s' "$port"; return; }
  done
}
