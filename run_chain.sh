#!/usr/bin/env bash
# Start a local chain to try the market on by hand.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"

readonly port=8545
python - "$port" <<'PYTHON' || exit 1
import socket, sys
with socket.socket() as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        sys.exit(f"Port {sys.argv[1]} is taken ({error.strerror}): is a chain running already?")
PYTHON

echo "Local chain on http://127.0.0.1:$port (chain id 31337), with test accounts and a block every second. Stop it with Ctrl-C."
# Mixed mining: a transaction is mined at once, and chain time moves on even when nobody sends
# any, which the end of a bidding period depends on.
exec anvil --quiet --host 127.0.0.1 --port "$port" --chain-id 31337 \
  --mixed-mining --block-time 1 --base-fee 0 --enable-tx-gas-limit
