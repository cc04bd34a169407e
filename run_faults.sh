#!/usr/bin/env bash
# Run the tests that take long: everybody killed at every request, outages of the node, a node that
# lies, a soak, what a consumer needs of a device, and what systemd says of its unit. Arguments are
# those of pytest. Two tests run at a time.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python tools/supervise.py -m pytest -p no:pytest-brownie -m long --numprocesses 2 \
  --dist worksteal tests/faults tests/attack tests/bench tests/unit/test_systemd.py "$@"
