#!/usr/bin/env bash
# Prove the contract's maths for all inputs within stated bounds, with halmos, which gets a Python
# environment of its own in .symbolic. Arguments: names of contracts in foundry/symbolic, or none.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py -m attack symbolic "$@"
