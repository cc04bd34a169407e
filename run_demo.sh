#!/usr/bin/env bash
# Show a round of the market from the request to the payment, on a chain of its own.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py brownie run scripts/demo.py "$@"
