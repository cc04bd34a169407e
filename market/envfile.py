"""An env file: its variables, who may read them, and where the contract's address stands."""

import re
from io import StringIO
from pathlib import Path

from dotenv.parser import Original, parse_stream

from market.errors import MarketError
from market.files import read_text

SECRETS = (
    "UTILITY_ACCOUNT_PASS",
    "CONSUMER_ACCOUNT_PASS",
    "RPC_URLS",
    "WEB3_INFURA_PROJECT_ID",
    "ETHERSCAN_TOKEN",
    "PAGE_PASSWORD_HASH",
)
"""The variables that are nobody else's business."""

_CONTRACT = "CONTRACT_ADDRESS"
# What is to be replaced is `value`: a comment behind it stays.
_CONTRACT_LINE = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?{_CONTRACT}[ \t]*="
    r"(?P<value>[^\r\n]*?)(?:[ \t]+#[^\r\n]*)?(?=[\r\n]|\Z)",
    re.MULTILINE,
)


def read_env_file(env_file: Path) -> dict[str, str]:
    """Return the variables in the file, none if it is missing; MarketError if it is not readable.

    python-dotenv's own loader would print a warning for a line it cannot read, and would expand
    "${...}" inside a password.
    """
    if not _is_there(env_file):
        return {}
    text = read_text(env_file, "").removeprefix("\ufeff")
    variables = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise MarketError(
                f"{env_file.name}, {_line(binding.original)} is not NAME=value: correct it"
            )
        if binding.key is not None and binding.value is not None:
            variables[binding.key] = binding.value
    return variables


def with_contract(text: str, address: str) -> str:
    """Return the text of an env file with the address in the line that counts, the last one."""
    lines = list(_CONTRACT_LINE.finditer(text))
    if lines:
        start, end = lines[-1].span("value")
        return f"{text[:start]}{address}{text[end:]}"
    line_end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else line_end
    return f"{text}{gap}{_CONTRACT}={address}{line_end}"


def exposure_warning(env_file: Path) -> str | None:
    """Return what to say if others may read the file and it holds a password or a key."""
    if not env_file.exists() or not env_file.stat().st_mode & 0o077:
        return None
    variables = read_env_file(env_file)
    held = [name for name in SECRETS if variables.get(name)]
    if not held:
        return None
    return (
        f"{env_file.name} holds {', '.join(held)}, and others on this machine can read it: "
        f"run `chmod 600 {env_file}`"
    )


def _is_there(env_file: Path) -> bool:
    try:
        return env_file.exists()
    except OSError as problem:
        raise MarketError(
            f"{env_file} cannot be looked for ({problem.strerror}): mend ENV_FILE, or see to it "
            "that the user who runs this may enter its folder"
        ) from None


def _line(original: Original) -> str:
    """Name the line where a statement begins; its own text may be a password."""
    before = original.string[: -len(original.string.lstrip())]
    return f"line {original.line + before.count(chr(10))}"
