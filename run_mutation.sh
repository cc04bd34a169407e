#!/usr/bin/env bash
# Break the code in every small way, and see whether a test notices; docs/MUTATION.md says what is not
# noticed, and why it may stay.
#
#     ./run_mutation.sh                 the pure rules, about 25 minutes
#     ./run_mutation.sh contract [300]  the contract, all mutants or so many: about a minute each
#
# Both go on where they were interrupted. After a change of the code or its tests delete mutants/.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
if [ "${1:-}" = contract ]; then
  exec nice python -m tools.mutate_contract "${@:2}"
fi
nice mutmut run --max-children 1 "$@"
mutmut results
