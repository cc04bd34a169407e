#!/usr/bin/env bash
# Play rounds under random faults for as many seconds as asked: ./run_soak.sh 600 --seed 7
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py -m soak "$@"
