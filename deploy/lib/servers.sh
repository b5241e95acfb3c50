# shellcheck shell=bash
# Private Postgres and Redis servers: found, prepared, started, asked whether they answer.
# Postgres refuses to run as root; there it runs as the package's user `postgres`, who must be able to reach its directory.

postgres_wanted=15
redis_wanted=7

# find_postgres_bin MAJOR: the directory of that server, or, for `any`, of the newest that is new enough; else nothing.
find_postgres_bin() {
  local dir version best=0 found=
  for dir in /usr/lib/postgresql/*/bin "$(dirname "$(command -v postgres || echo /none/postgres)")"; do
    [ -x "$dir/initdb" ] || continue
    version=$("$dir/postgres" --version | sed -nE 's/.* ([0-9]+)[.a-z0-9]*( .*)?$/\1/p')
    [ "${version:-0}" -ge "$postgres_wanted" ] || continue
    [ "$1" = any ] || [ "$1" = "$version" ] || continue
    if [ "$version" -gt "$best" ]; then best=$version found=$dir; fi
  done
  printf '%s' "$found"
}

check_postgres() {
  postgres_bin=$(find_postgres_bin any)
  [ -n "$postgres_bin" ] ||
    fail "PostgreSQL $postgres_wanted or newer is needed and this system's packages are older (Debian 12 and Ubuntu 24.04 have it)."
  [ "$(id -u)" -ne 0 ] || id postgres >/dev/null 2>&1 ||
    fail "PostgreSQL does not run as root and there is no user 'postgres' to run it as: run this as another user."
}

check_redis() {
  local version
  version=$(redis-server --version | sed -nE 's/.* v=([0-9.]+).*/\1/p')
  version_at_least "${version:-0}" "$redis_wanted" ||
    fail "Redis $redis_wanted or newer is needed and this system has $version (Debian 12 and Ubuntu 24.04 have it)."
}

# as_postgres COMMAND…: as the user that the server runs as.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid postgres --regid postgres --init-groups -- "$@"; else "$@"; fi
}

# can_everybody_reach DIRECTORY: and so the server's user too, whether it exists already or not.
can_everybody_reach() { setpriv --reuid 65534 --regid 65534 --clear-groups -- test -x "$1" 2>/dev/null; }

# Some images close / itself to all but root, and then no service can run as a user of its own, Postgres least of all.
open_root_dir() {
  if [ "$(id -u)" -eq 0 ] && ! can_everybody_reach /; then
    chmod o+x /
    say "  / was closed to every user but root; it may be passed through now (chmod o+x /)."
  fi
}

# init_postgres DATA PASSWORD [INITDB OPTION…]: a new data directory, complete or not there at all.
init_postgres() {
  local data=$1 password=$2
  shift 2
  rm -rf "$data.part" "$data.password"
  install -m 700 -d "$data.part"
  install -m 600 /dev/null "$data.password"
  printf '%s\n' "$password" >"$data.password"
  if [ "$(id -u)" -eq 0 ]; then chown postgres: "$data.part" "$data.password"; fi
  # the caller's directory may be closed to the server's user
  (cd / && as_postgres "$postgres_bin/initdb" --pgdata="$data.part" --username=postgres --pwfile="$data.password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 "$@") || {
    rm -rf "$data.part" "$data.password"
    return 1
  }
  rm -f "$data.password"
  mv "$data.part" "$data"
}

# start_postgres PIDFILE LOG DATA PORT [NAME=VALUE…]: on 127.0.0.1 and on a socket in its data directory.
start_postgres() {
  local pid_file=$1 log=$2 data=$3 port=$4 socket=$3 settings=() prefix=() setting fingerprint
  shift 4
  # a socket's path has 107 bytes at most
  if [ ${#socket} -gt 85 ]; then socket=; fi
  for setting in port="$port" listen_addresses=127.0.0.1 unix_socket_directories="$socket" "$@"; do settings+=(-c "$setting"); done
  fingerprint=$(printf '%s\n' "$postgres_bin" "$data" "${settings[@]}" | cksum | tr ' ' -)
  if is_alive "$pid_file"; then
    [ "$(read_fingerprint "$pid_file")" != "$fingerprint" ] || return 0
    stop_daemon "$pid_file"
  fi
  if [ "$(id -u)" -eq 0 ]; then prefix=(setpriv --reuid postgres --regid postgres --init-groups --); fi
  (cd / && start_daemon "$pid_file" "$log" "$fingerprint" "${prefix[@]}" "$postgres_bin/postgres" -D "$data" "${settings[@]}")
}

# ask_postgres PORT DATABASE [PSQL OPTION…]: SQL from standard input as the server's superuser, whose password is in PGPASSWORD.
ask_postgres() {
  local port=$1 database=$2
  shift 2
  "$postgres_bin/psql" -h 127.0.0.1 -p "$port" -U postgres -d "$database" -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

does_postgres_answer() { ask_postgres "$1" postgres <<<'select 1'; }

# start_redis PIDFILE LOG DIRECTORY PORT PASSWORD [LINE OF REDIS.CONF…]: on 127.0.0.1 only.
start_redis() {
  local pid_file=$1 log=$2 dir=$3 port=$4 password=$5 fingerprint
  shift 5
  install -m 700 -d "$dir"
  (
    umask 077
    printf '%s\n' "bind 127.0.0.1" "port $port" "protected-mode yes" "daemonize no" "dir \"$dir\"" \
      "maxmemory-policy noeviction" 'save ""' ${password:+"requirepass $password"} "$@" >"$dir/redis.conf"
  )
  fingerprint=$(cksum <"$dir/redis.conf" | tr ' ' -)
  if is_alive "$pid_file"; then
    [ "$(read_fingerprint "$pid_file")" != "$fingerprint" ] || return 0
    stop_daemon "$pid_file"
  fi
  start_daemon "$pid_file" "$log" "$fingerprint" redis-server "$dir/redis.conf"
}

# does_redis_answer PORT: the password is in REDISCLI_AUTH.
does_redis_answer() { [ "$(redis-cli --no-auth-warning -h 127.0.0.1 -p "$1" ping)" = PONG ]; }

# 256 bits, as hexadecimal digits.
make_secret() { od -An -tx1 -N 32 /dev/urandom | tr -d ' \n'; }
