# Sourced by the run_*.sh scripts: goes to the repository, sets it up where needed, and keeps
# what Brownie and Anvil write in it instead of in the user's home.
# shellcheck shell=bash
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
bash tools/setup.sh
export HOME="$PWD/.home" PATH="$PWD/.venv/bin:$PATH"
unset PYTHONPATH PYTHONHOME
