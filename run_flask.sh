#!/usr/bin/env bash
# Serve the consumer's page; `remote` is for the live network in .env, `password` asks for the
# page's password.
set -euo pipefail
users_home=${HOME:-/}
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
# The consumer that the page starts looks for its account where one does that a person starts.
export HOME=$users_home
exec python -m flaskapp "$@"
