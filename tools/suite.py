"""Run the whole test suite: python tools/supervise.py -m tools.suite.

The contract's tests run first, on a chain of Brownie's, which also compiles what the scripts of the
others start with. The others need no Brownie around them, and run two files at a time.
"""

import subprocess
import sys

_CONTRACT = "tests/contract"
_OTHERS = ("tests", "--ignore", _CONTRACT, "--numprocesses", "2", "--dist", "loadfile")
_PARTS = (
    ("brownie", "test", _CONTRACT),
    ("-m", "pytest", "-p", "no:pytest-brownie", *_OTHERS),
)


def main() -> int:
    """Run every part, also after one that failed; return 1 if any has failed or was killed."""
    statuses = [_status(part) for part in _PARTS]
    return int(any(statuses))


def _status(part: tuple[str, ...]) -> int:
    with subprocess.Popen((sys.executable, "tools/supervise.py", *part)) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # It ends what it has started, and says what it has found.
            process.terminate()
            process.wait()
            raise


if __name__ == "__main__":
    sys.exit(main())
