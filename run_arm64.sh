#!/usr/bin/env bash
# Install and run the consumer on an arm64 Debian without any compiler, under emulation, as the README's
# section on small devices says. --help tells of a newer Debian, and of updating from another version.
#
# It needs root, for the Debian in .arm64 and to have the kernel run arm64 programs while it works, and
# the packages that it names if they are missing. DEBIAN_MIRROR is where Debian comes from, if not from
# where this machine's own packages do.
set -euo pipefail

missing=()
command -v debootstrap >/dev/null || missing+=(debootstrap)
command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
if [ "${#missing[@]}" -gt 0 ]; then
  printf 'run_arm64.sh: not installed: %s. On Debian and Ubuntu: apt-get install %s\n' \
    "${missing[*]}" "${missing[*]}" >&2
  exit 1
fi
if [ "$EUID" -ne 0 ]; then
  echo "run_arm64.sh: it makes a Debian system of its own, and needs root for that: start it as root" >&2
  exit 1
fi

. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
mkdir -p .arm64
exec 9>.arm64/lock
flock -n 9 || {
  echo "run_arm64.sh: another run is at work in .arm64: wait until it has ended" >&2
  exit 1
}
# Whatever is mounted in a namespace of its own is gone at the end, however that comes.
exec unshare --mount python tools/supervise.py -m tools.arm64 "$@"
