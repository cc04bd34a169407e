"""The scripts without Brownie, which a device need not have.

    python -m market consumer [withdraw] [remote]
    python -m market register [remote]
    python -m market utility [request 5 0.004 60 | finish | cancel 1 | withdraw] [remote]
    python -m market utility [approve | revoke] 0x... [remote]
    python -m market deploy [remote]
    python -m market account NAME
    python -m market status

"remote" is the live network in .env; without it, the commands work on the local chain.
"""

import signal
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from market.interrupts import INTERRUPTS
from market.light import leave_out_aiohttp


def main() -> None:
    """Run what the command line names."""
    # Until a command takes over, which is seconds on a small device, Ctrl-C ends without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    leave_out_aiohttp()
    from market.command_line import ROLES, run
    from market.happenings import LogFormat

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


if __name__ == "__main__":
    main()
