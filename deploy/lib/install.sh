# shellcheck shell=bash
# Finds out which tools are missing and installs them: packages by apt, Rust by rustup. What is there already is never touched.
: "${top:?the repository}" "${lib:?deploy/lib}" "${logs:?where the steps write}"

packages=()
# Fetched where there is none: the version that we develop with, so that no newer lint surprises a stranger.
rust_tested=1.95.0

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

need_redis() {
  need redis-server redis-server
  need redis-cli redis-tools
}

need_node() {
  need node nodejs
  need npm npm
}

# What certificates are printed with: Noto's fonts under the Open Font Licence. Chinese, Japanese and Korean are most of it.
need_fonts() {
  [ -e /usr/share/fonts/truetype/noto/NotoSerifDisplay-Regular.ttf ] || packages+=(fonts-noto-core)
  [ -e /usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc ] || packages+=(fonts-noto-cjk)
}

# Installs the wanted packages, as root or through sudo, or says what is missing.
install_packages() {
  local log=$logs/packages.log as_root=() pid status=0
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "these Debian packages are missing and there is no apt-get to install them: ${packages[*]}."
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing; install them or run this as root: apt-get install ${packages[*]}."
    sudo -v || fail "without sudo the missing packages cannot be installed: ${packages[*]}."
    as_root=(sudo)
  fi
  say "  missing packages: ${packages[*]}"
  # Not in a session of its own: sudo remembers the password by terminal. Ctrl-C does not reach it, and it is left to finish: half
  # an installation is worse than a whole one.
  "${as_root[@]}" bash "$lib/install-packages" "${packages[@]}" </dev/null >"$log" 2>&1 8>&- 9>&- &
  pid=$!
  trap 'say "  Letting apt finish first."; wait "$pid"; exit 130' INT
  trap 'say "  Letting apt finish first."; wait "$pid"; exit 143' TERM
  show_progress "$pid" "installing packages" "$log"
  wait "$pid" || status=$?
  trap 'exit 130' INT
  trap 'exit 143' TERM
  [ "$status" -eq 0 ] || explain_failure "installing packages" "$log"
  hash -r
  say_done "packages installed"
  packages=()
}

# claim_dir DIRECTORY: ours to write in; one that another user made, root for example, would fail us half-way.
claim_dir() {
  if [ -e "$1" ] && [ "$(stat -c %u "$1")" != "$(id -u)" ]; then fail "$1 belongs to $(stat -c %U "$1"): run this as $(stat -c %U "$1")."; fi
  mkdir -p "$1" 2>/dev/null || fail "$1 cannot be made by $(id -un)."
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
  local log=$logs/rust.log script
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  has_suitable_cargo && return
  if command -v rustup >/dev/null; then
    run_step "fetching Rust $rust_tested" "$log" rustup toolchain install "$rust_tested" --profile minimal ||
      explain_failure "fetching Rust with rustup" "$log"
    export RUSTUP_TOOLCHAIN=$rust_tested
  else
    script=$(mktemp)
    tell_guard "remove $script"
    # the script behind sh.rustup.rs, from the host that the toolchain comes from
    run_step "fetching rustup" "$log" curl --proto =https --tlsv1.2 -fsSL --retry 2 -o "$script" \
      "${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/rustup-init.sh" || explain_failure "fetching rustup" "$log"
    run_step "fetching Rust $rust_tested" "$log" sh "$script" -y --profile minimal --default-toolchain "$rust_tested" --no-modify-path ||
      explain_failure "fetching Rust with rustup" "$log"
    rm -f "$script"
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  fi
  hash -r
  has_suitable_cargo || fail "Rust $(read_rust_version) or newer is needed and the cargo on PATH is older: $(command -v cargo)."
  say_done "Rust $(cargo --version | awk '{print $2}')"
}

# rustfmt and clippy, which a minimal toolchain has not.
install_linters() {
  cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
  command -v rustup >/dev/null || fail "cargo fmt and cargo clippy are missing: install the packages rustfmt and clippy of your Rust."
  run_step "fetching rustfmt and clippy" "$logs/rust.log" rustup component add rustfmt clippy ||
    explain_failure "fetching rustfmt and clippy" "$logs/rust.log"
}

# need_space DIRECTORY GIGABYTES SETTING: the setting moves the directory.
need_space() {
  local free
  free=$(df -Pk "$1" | awk 'NR == 2 {print $4}')
  [ "$free" -ge $(($2 * 1024 * 1024)) ] ||
    fail "too little disk: $((free / 1024)) MB are free under $1 and about $2 GB are needed: free some, or choose another place with $3=…."
}

# Where cargo puts what it builds.
find_target_dir() {
  local target=${CARGO_TARGET_DIR:-target}
  case $target in /*) printf '%s' "$target" ;; *) printf '%s' "$top/$target" ;; esac
}
