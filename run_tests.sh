#!/usr/bin/env bash
# Run the tests on a chain of their own; arguments are those of `brownie test`, paths relative
# to the repository.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py brownie test "$@"
