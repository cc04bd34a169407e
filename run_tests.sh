#!/usr/bin/env bash
# Run the whole test suite; with arguments, which are those of `brownie test` with paths relative
# to the repository, run that instead.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
if (($#)); then
  exec python tools/supervise.py brownie test "$@"
fi
exec python tools/supervise.py -m tools.suite
