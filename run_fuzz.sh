#!/usr/bin/env bash
# Fuzz the contract with Foundry for as many calls as asked, two million by default:
# ./run_fuzz.sh 500000 --seed 7
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py -m attack fuzz "$@"
