"""The words that start a command, the same for `brownie run` and for `python -m market`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from market import agent, commands, operating, session
from market.errors import MarketError
from market.happenings import LogFormat
from market.session import Session
from market.status import show_status


@dataclass(frozen=True, slots=True)
class _Command:
    """What is called with the session, and with the words if it takes any.

    One that tells in JSON, too, can be asked for that with --log.
    """

    start: Callable[..., None]
    takes_words: bool = False
    tells_json: bool = False


def _withdraw_as_consumer(session: Session) -> None:
    commands.withdraw_deferred(session, session.consumer_sender())


def _withdraw_as_utility(session: Session) -> None:
    commands.withdraw_deferred(session, session.utility_sender())


def _status(session: Session) -> None:
    """Say how the consumer of this folder is, by the exit status too."""
    settings = session.settings
    sys.exit(show_status(settings, session.out, json=settings.log_format is LogFormat.JSON))


# By the role and its first word, if that is one of these; the role alone is a command too.
_COMMANDS = {
    "consumer": {
        "": _Command(agent.consume, tells_json=True),
        "withdraw": _Command(_withdraw_as_consumer),
        "status": _Command(_status, tells_json=True),
    },
    "register": {"": _Command(commands.register_consumer)},
    "utility": {
        "": _Command(operating.request_interactively),
        "request": _Command(operating.request_unattended, takes_words=True),
        "finish": _Command(operating.finish_requests),
        "cancel": _Command(operating.cancel_request, takes_words=True),
        "approve": _Command(commands.approve_consumers, takes_words=True),
        "revoke": _Command(commands.revoke_consumers, takes_words=True),
        "withdraw": _Command(_withdraw_as_utility),
    },
    "deploy": {"": _Command(commands.deploy_contract)},
    "account": {"": _Command(commands.make_account, takes_words=True)},
    "status": {"": _Command(_status, tells_json=True)},
}
ROLES = tuple(_COMMANDS)


def run(
    role: str,
    *words: str,
    prepare: Callable[[], None] = lambda: None,
    log_format: LogFormat | None = None,
) -> None:
    """Run what a role and the words after it name; ends the process on a problem.

    The last word may be that of the network. See `session.run` for `prepare` and `log_format`.
    """
    given, network = session.split_network(words)

    def command(opened: Session) -> None:
        _start(opened, role, given, log_is_asked_for=log_format is not None)

    session.run(command, network, prepare=prepare, log_format=log_format)


def _start(session: Session, role: str, words: Sequence[str], *, log_is_asked_for: bool) -> None:
    known = _COMMANDS[role]
    if words and words[0] and words[0] in known:
        command, rest = known[words[0]], words[1:]
    else:
        command, rest = known[""], words
    if log_is_asked_for and not command.tells_json:
        raise MarketError(
            "--log is for the consumer at work and for its status, and this is another command: "
            "leave it out"
        )
    if command.takes_words:
        command.start(session, rest)
    elif rest:
        raise _misplaced(rest[0], role)
    else:
        command.start(session)


def _misplaced(word: str, role: str) -> MarketError:
    names = ", ".join(name for name in _COMMANDS[role] if name)
    return MarketError(
        f'"{word}" is not a network{f", nor one of {role} {names}" if names else ""}: write '
        "remote for the network in .env, or nothing for the local chain"
    )
