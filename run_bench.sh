#!/usr/bin/env bash
# Measure what the market costs; arguments are those of the `bench` package.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py -m bench "$@"
