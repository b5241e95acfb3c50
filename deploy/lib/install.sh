# shellcheck shell=bash
# Finds out which tools are missing and installs them: packages by apt, Rust by rustup. What is there already is never touched.
: "${top:?the repository}" "${lib:?deploy/lib}" "${logs:?where the steps write}"

packages=()

# need COMMAND PACKAGE…: the packages are wanted if the command is missing.
need() {
  local tool=$1
  shift
  command -v "$tool" >/dev/null || packages+=("$@")
}

need_build_tools() {
  need cc gcc libc6-dev
  need make make
  need pkg-config pkg-config
  need curl curl
  [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -n "${SSL_CERT_FILE:-}" ] || packages+=(ca-certificates)
}

need_postgres() { [ -n "$(find_postgres_bin any)" ] || packages+=(postgresql); }

need_psql() { find_psql >/dev/null || packages+=(postgresql-client); }

need_redis() {
  need redis-server redis-server
  need redis-cli redis-tools
}

need_node() {
  need node nodejs
  need npm npm
}

# Installs the wanted packages, as root or through sudo, or says what is missing.
install_packages() {
  local log=$logs/packages.log as_root=() pid status=0
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "these Debian packages are missing and there is no apt-get to install them: ${packages[*]}."
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing; install them or run this as root: apt-get install ${packages[*]}."
    say "  Missing packages, to be installed with sudo: ${packages[*]}"
    sudo -v || fail "without sudo the missing packages cannot be installed: ${packages[*]}."
    as_root=(sudo)
  fi
  # Not in a session of its own: sudo remembers the password by terminal. Ctrl-C does not reach it, and it is left to finish: half
  # an installation is worse than a whole one.
  "${as_root[@]}" bash "$lib/install-packages" "${packages[@]}" </dev/null >"$log" 2>&1 8>&- 9>&- &
  pid=$!
  trap 'say "  Letting apt finish first."; wait "$pid"; exit 130' INT
  trap 'wait "$pid"; exit 143' TERM
  show_progress "$pid" "installing ${packages[*]}" "$log"
  wait "$pid" || status=$?
  trap 'exit 130' INT
  trap 'exit 143' TERM
  [ "$status" -eq 0 ] || explain_failure "installing ${packages[*]}" "$log"
  hash -r
  say_done "installed ${packages[*]}"
  packages=()
}

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

read_rust_version() { sed -nE 's/^rust-version *= *"([0-9.]+)".*/\1/p' "$top/Cargo.toml"; }

has_suitable_cargo() {
  local version
  version=$(cd "$top" && cargo --version 2>/dev/null | awk '{print $2}')
  [ -n "$version" ] && version_at_least "$version" "$(read_rust_version)"
}

# Makes sure of a cargo that is new enough: the one on PATH, rustup's, or one fetched now.
install_rust() {
  local log=$logs/rust.log wanted script
  wanted=$(read_rust_version)
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  has_suitable_cargo && return
  if command -v rustup >/dev/null; then
    run_step "fetching Rust" "$log" rustup toolchain install stable --profile minimal || explain_failure "fetching Rust with rustup" "$log"
    export RUSTUP_TOOLCHAIN=stable
  else
    script=$(mktemp)
    tell_guard "remove $script"
    run_step "fetching rustup" "$log" curl --proto =https --tlsv1.2 -fsSL --retry 2 https://sh.rustup.rs -o "$script" ||
      explain_failure "fetching rustup from sh.rustup.rs" "$log"
    run_step "fetching Rust" "$log" sh "$script" -y --profile minimal --default-toolchain stable --no-modify-path ||
      explain_failure "fetching Rust with rustup" "$log"
    rm -f "$script"
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  fi
  hash -r
  has_suitable_cargo || fail "Rust $wanted or newer is needed and rustup's stable is older: run 'rustup update stable'."
  say_done "Rust $(cargo --version | awk '{print $2}')"
}

# need_space DIRECTORY GIGABYTES
need_space() {
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 {print $4}')
  [ "$free" -ge $(($2 * 1024 * 1024)) ] ||
    fail "too little disk: $1 has $((free / 1024)) MB free and the build needs about $2 GB; free some, or set CARGO_TARGET_DIR to a roomier place."
}

# Where cargo puts what it builds.
find_target_dir() {
  local target=${CARGO_TARGET_DIR:-target}
  case $target in /*) printf '%s' "$target" ;; *) printf '%s' "$top/$target" ;; esac
}
