#!/usr/bin/env bash
# Analyse the contract with Slither, and say what docs/SLITHER.md has no answer to.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
exec python -m tools.analyse
