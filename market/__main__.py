"""The scripts without Brownie, which a device need not have.

    python -m market consumer [withdraw] [remote]
    python -m market register [remote]
    python -m market utility [finish | cancel 1 | withdraw] [remote]
    python -m market utility request 5 0.004 [SECONDS, else 60] [remote]
    python -m market utility [approve | revoke] 0x... [remote]
    python -m market deploy [remote]
    python -m market account NAME
    python -m market status

"remote" is the live network in .env; without it, the commands work on the local chain.
"""

import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter

_OLDEST_PYTHON = (3, 10)


def main() -> None:
    """Run what the command line names."""
    # Nothing of ours is imported before: an older Python does not take it.
    if sys.version_info < _OLDEST_PYTHON:
        raise _other_python(f"This is Python {sys.version_info[0]}.{sys.version_info[1]}, too old")
    from market.interrupts import INTERRUPTS
    from market.light import leave_out_aiohttp

    # Until a command takes over, which is seconds on a small device, Ctrl-C ends without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    leave_out_aiohttp()
    try:
        from market.command_line import ROLES, run
        from market.happenings import LogFormat
    except ModuleNotFoundError as problem:
        raise _other_python(f"The package {problem.name} is missing") from None

    parser = ArgumentParser(
        "python -m market", description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("words", nargs="*", help="what the role is to do, and where")
    parser.add_argument(
        "--log",
        type=str.lower,
        choices=[log_format.value for log_format in LogFormat],
        help="for the consumer and its status: how the terminal shows what happens; "
        "otherwise as LOG_FORMAT says",
    )
    given = parser.parse_intermixed_args()
    run(given.role, *given.words, log_format=LogFormat(given.log) if given.log else None)


def _other_python(why: str) -> SystemExit:
    return SystemExit(f"Error: {why}: use .venv/bin/python -m market, once that is set up")


if __name__ == "__main__":
    main()
