# shellcheck shell=sh
# build_rust PACKAGE: builds the Rust peer that lies beside the calling `setup`, by its lock file and into $PEERS_ENV; prints the
# version of PACKAGE.
build_rust() {
  here=$(cd "$(dirname "$0")" && pwd)
  CARGO_TARGET_DIR=$PEERS_ENV/target cargo build --quiet --release --locked --manifest-path "$here/Cargo.toml" >&2
  sed -n "/^name = \"$1\"/{n;s/.*\"\(.*\)\"/\1/p;}" "$here/Cargo.lock"
}
