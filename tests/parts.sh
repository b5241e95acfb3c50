#!/usr/bin/env bash
# The parts of tests/run: what they are, and what each does. Sourced for the table, run as `parts.sh PART ARGUMENT…` for one part.

# name, limit in seconds, what must be there first (build, lint, shellcheck, browser, node, python, producers, fonts, judges, pooler; servers, started; stores, their
# programs only) or `asked` where the part runs only when it is named, what it checks
# shellcheck disable=SC2034 # for tests/run
parts='
style     900 lint,node,shellcheck        formatting, lints, shell scripts
licences  900 -                           licences and origins of the dependencies, known vulnerabilities
unit      600 build,node,fonts,judges    what needs no server
commands  600 build,node,servers          deploy/up: starts, resumes, ends, and refuses with one sentence
flows    3000 build,node,servers,browser,producers,fonts,judges,pooler  the stories, through real processes and a real browser
faults   1200 build,stores,node,fonts     200 faults under load, and five builds that lack a guarantee, each noticed
smoke     120 build,stores,node,python,fonts  worker, clients and runner of the benchmarks, on a handful of jobs, letters and certificates
bench    7200 asked,stores,node,python    how fast, beside other systems; runs only when it is named
letters  3600 asked,node                  letters a second, beside a plain loop; runs only when it is named
certificates 3600 asked,node,fonts        milliseconds, kilobytes and memory a certificate; runs only when it is named
search   3600 asked,node,servers          milliseconds a search of 300,000 tickets; runs only when it is named
statistics 7200 asked,node,servers        the statistics of 500,000 sales: roll-up, comparison and page; runs only when it is named
reports  3600 asked,node,servers          rows a second and memory of a report, beside COPY and a plain upload; runs only when it is named
'

# what `tests/run long` knows
# shellcheck disable=SC2034 # for tests/run
long_parts='
faults  14400 build,stores,node,fonts     3,000 faults under load
bench   14400 stores,node,python          the benchmarks, several times over, on a machine that does nothing else
'

# The version is pinned: a newer one may judge differently.
deny_version=0.20.2

run_style() {
  local status=0
  check "cargo fmt" cargo fmt --all --check || status=1
  check "cargo clippy" run_lint --quiet || status=1
  check "shellcheck" check_scripts || status=1
  check "node --check" check_javascript || status=1
  return "$status"
}

# What clippy's driver had to say when it built (tests/run) cargo says again.
run_lint() {
  if [ -z "${RUSTC_WORKSPACE_WRAPPER:-}" ]; then
    cargo clippy --locked --workspace --all-targets "$@" -- -D warnings
    return
  fi
  local said
  said=$(cargo build --locked --workspace --all-targets --quiet 2>&1) || true
  if [ -n "$said" ]; then
    printf '%s\n' "$said" >&2
    return 1
  fi
}

check_scripts() {
  local scripts
  mapfile -t scripts < <(grep -rlE --exclude-dir=node_modules '^#!.*[/ ](ba)?sh$|^# shellcheck shell=' deploy tests .ci)
  shellcheck -x "${scripts[@]}"
}

check_javascript() {
  local file status=0
  while read -r file; do node --check "$file" || status=1; done \
    < <(find web tests deploy \( -name node_modules -o -name dist \) -prune -o \( -name '*.js' -o -name '*.mjs' \) -print)
  return "$status"
}

run_licences() {
  local status=0 deny
  deny=$(install_deny) || return 1
  check "licences, bans, sources" "$deny" --offline check --hide-inclusion-graph licenses bans sources || status=1
  check_advisories "$deny" || status=1
  return "$status"
}

# cargo-deny, built once and kept; one of this version on PATH will do.
install_deny() {
  local root=.local/tools/cargo-deny-$deny_version
  if cargo deny --version 2>/dev/null | grep -qxF "cargo-deny $deny_version"; then
    command -v cargo-deny
    return
  fi
  if [ ! -x "$root/bin/cargo-deny" ]; then
    echo "building cargo-deny $deny_version, once" >&2
    CARGO_TARGET_DIR=$root.build CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0 \
      cargo install --quiet --debug --locked --root "$root" "cargo-deny@$deny_version" >&2 || return 1
    rm -rf "$root.build"
  fi
  printf '%s' "$root/bin/cargo-deny"
}

# The list of vulnerabilities is a git repository; where it cannot be reached, that alone is left out, aloud.
check_advisories() {
  local output status=0
  output=$("$1" check --hide-inclusion-graph advisories 2>&1) || status=$?
  if [ "$status" -ne 0 ] && grep -qE 'failed to (clone|fetch)' <<<"$output"; then
    echo "NOT CHECKED: advisories; their database cannot be reached from here" >&2
    return
  fi
  check "advisories" grep -q 'advisories ok' <<<"$output" || { printf '%s\n' "$output" >&2; return 1; }
}

# The documentation's examples are tests as well: among them what must not compile.
run_unit() {
  local status=0
  cargo test --quiet --no-fail-fast --locked --workspace --lib --bins -- "$@" || status=1
  cargo test --quiet --no-fail-fast --locked --workspace --doc -- "$@" || status=1
  return "$status"
}

run_commands() { tests/commands/deploy_up.sh "$@"; }

# By the workspace and not by -p: that would choose other features and compile the dependencies again.
run_flows() {
  local told=${TMPDIR:-/tmp}/flows.txt status=0
  # Loops are made to hang in a build of its own, which other stories do without.
  case "$*" in '' | *engine* | *hang*) build_what_breaks || return ;; esac
  # Stories often wait for something: one more than there are cores keeps these busy. With three a core those of the engine get in each other's way.
  RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))} cargo test --locked --workspace --test flows -- "$@" | tee "$told" || status=$?
  # For the end of a run: by then other parts have said a lot.
  [ "$status" -eq 0 ] || sed -n '/^failures:$/,$p' "$told" | grep -vE '^ +([0-9]+: |at )|^(stack backtrace|note):' | head -n 120 |
    cut -c 1-600 >"${FAENA_REASONS:-/dev/null}"
  return "$status"
}

# As run_bench, with the build that is there; what it asserts is that every job was done and stands in the ledger.
run_smoke() {
  BENCH_PROFILE=dev tests/bench/measure.py faena --scenario noop,unrecorded --modes bulk --n 500 "$@" || return
  "${CARGO_TARGET_DIR:-target}/debug/letters" --letters 10 --rounds 1 || return
  "${CARGO_TARGET_DIR:-target}/debug/certificates" --certificates 2
}

# With servers of its own for each trial; the tables also lie in .local/bench/table.md.
run_bench() { tests/bench/measure.py "$@"; }

run_letters() {
  cargo build --quiet --locked --release --workspace --bin sandbox --bin letters || return
  "${CARGO_TARGET_DIR:-target}/release/letters" "$@"
}

run_certificates() {
  cargo build --quiet --locked --release --workspace --bin certificates || return
  "${CARGO_TARGET_DIR:-target}/release/certificates" "$@"
}

# The build that is there will do: what is timed is Postgres.
run_search() {
  cargo build --quiet --locked --workspace --bin search --bin probe || return
  "${CARGO_TARGET_DIR:-target}/debug/search" "$@"
}

# The rows of RECORDS.md are those of --sales 500000 and of --sales 5000000.
run_statistics() {
  cargo build --quiet --locked --workspace --bin statistics --bin probe || return
  "${CARGO_TARGET_DIR:-target}/debug/statistics" "$@"
}

# The rows of RECORDS.md are those of --rows 1000000 and of --rows 5000000 --formats csv.
run_reports() {
  cargo build --quiet --locked --release --workspace --bin sandbox --bin reports || return
  "${CARGO_TARGET_DIR:-target}/release/reports" "$@"
}

# Always the same faults unless told otherwise; when each strikes what differs from run to run by itself.
run_faults() {
  if [ $# -eq 0 ]; then set -- --n 200 --seed 7; fi
  break_things "$@"
}

run_long_faults() {
  local tables=${TMPDIR:-/tmp}/faults.md status=0
  rm -f "$tables"
  if [ $# -eq 0 ]; then set -- --n 3000; fi
  break_things "$@" --record "$tables" || status=$?
  [ ! -s "$tables" ] || keep_record faults "tests/run long faults $*" "$tables"
  return "$status"
}

run_long_bench() {
  local status=0 table=${TMPDIR:-/tmp}/bench.md
  if [ $# -eq 0 ]; then set -- --n 50000 --repeat 3 --quiet 30 --sustain-rate 10000 --sustain-seconds 300; fi
  tests/bench/measure.py "$@" || status=$?
  # Date, commit and command stand above every record.
  sed -E '/^- ([0-9]{4}-|Machine:|Command:)/d' .local/bench/table.md >"$table"
  keep_record bench "tests/run long bench $*" "$table"
  return "$status"
}

# The probe and the worker that know crash points, hangs and sabotage are built first and laid aside, so that those in their places have none of it.
build_what_breaks() {
  local built=${CARGO_TARGET_DIR:-target}/debug
  cargo build --quiet --locked --workspace --features faena-tests/faults --bin probe --bin worker || return
  cp "$built/probe" "$built/faults-probe" || return
  cp "$built/worker" "$built/faults-worker" || return
  cargo build --quiet --locked --workspace --bins
}

break_things() {
  local target=${CARGO_TARGET_DIR:-target} apart=()
  build_what_breaks || return
  # A disk of its own, to be filled, is mounted where nobody else sees it and ends with whoever does.
  if unshare --mount true 2>/dev/null; then apart=(unshare --mount env FAENA_FAULTS_MAY_MOUNT=1); fi
  local told=${TMPDIR:-/tmp}/faults.txt status=0
  "${apart[@]}" "$target/debug/faults" --probe "$target/debug/faults-probe" --worker "$target/debug/faults-worker" \
    --logs "$target/faults-found" "$@" \
    2>&1 | tee "$told" >&2 || status=$?
  # What was found, and what came of it all; between them stands every blow in turn.
  [ "$status" -eq 0 ] || {
    grep -E 'FINDINGS|NOT NOTICED|no worker died|the harness broke|panicked' "$told"
    sed -n '/^FOUND in /,/^the story of job\|^what happened:/p' "$told" | head -n 60
    tail -n 45 "$told"
  } | cut -c 1-600 >"${FAENA_REASONS:-/dev/null}"
  return "$status"
}

# keep_record PART COMMAND FILE: what FILE says replaces what tests/RECORDS.md says of the part.
keep_record() {
  local part=$1 said=$2 file=$3 records=tests/RECORDS.md changes=
  [ -z "$(git status --porcelain --untracked-files=no)" ] || changes=", with changes"
  {
    awk -v part="## $part" '/^## / {skip = ($0 == part)} !skip' "$records"
    printf '## %s\n\n' "$part"
    printf '%s · commit %s%s · %s · %s cores of %s\n\n' "$(date -u +%F)" "$(git rev-parse --short HEAD)" "$changes" "\`$said\`" "$(nproc)" \
      "$(sed -nE 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
    cat "$file"
  } >"$records.new"
  mv "$records.new" "$records"
}

# check NAME COMMAND…: says what failed.
check() {
  local name=$1
  shift
  "$@" || { echo "FAILED: $name" >&2; return 1; }
  echo "ok: $name" >&2
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  cd "$(dirname "$(dirname "$(readlink -f "$0")")")"
  part=$1
  shift
  "run_$part" "$@"
fi
