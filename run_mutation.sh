#!/usr/bin/env bash
# Break the code in every small way, and see whether a test notices; docs/MUTATION.md says what is not
# noticed, and why it may stay.
#
#     ./run_mutation.sh                             the pure rules, about 25 minutes
#     ./run_mutation.sh contract                    the contract, about two hours of one core
#     ./run_mutation.sh contract 300 --workers 2    300 mutants of it, two at a time
#     ./run_mutation.sh contract --seconds 600      what can be begun in that time; 0: what is known
#     ./run_mutation.sh contract --again            those that survived once more, after a change of the tests
#
# Both go on where they were interrupted. After a change of the rules or their tests delete mutants/;
# the contract's mutants have a file of results for each state of the contract.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
if [ "${1:-}" = contract ]; then
  exec nice python tools/supervise.py -m tools.mutation "${@:2}"
fi
nice mutmut run --max-children 1 "$@"
mutmut results
