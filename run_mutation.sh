#!/usr/bin/env bash
# Break the pure rules in every small way, and see whether a test notices: what is not noticed is
# printed, and docs/MUTATION.md says why it may stay. It goes on where it was interrupted; after a
# change of the rules or the tests delete mutants/ first. Arguments are those of `mutmut run`.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/tools/common.sh"
nice mutmut run --max-children 1 "$@"
mutmut results
