"""The settings: environment variables, and the file `.env` for those that are not set there."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated

from dotenv.parser import Original, parse_stream
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from market.clearing import Access, Pricing
from market.errors import MarketError
from market.files import read_text, write_whole
from market.units import bid_energy_wh, parse_decimal

_LONGEST_POLL_S = 3600
_NO_SECRET = SecretStr("")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
# What is to be replaced is `value`: a comment behind it stays.
_CONTRACT_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?CONTRACT_ADDRESS[ \t]*="
    r"(?P<value>[^\r\n]*?)(?:[ \t]+#[^\r\n]*)?(?=[\r\n]|\Z)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account in Brownie's keystore; with an empty password, the person is asked for it."""

    name: str
    password: SecretStr


def _from_text(parse: Callable[[str], object]) -> BeforeValidator:
    """Have pydantic parse what is text; a MarketError is collected with the variable's name."""

    def validate(written: object) -> object:
        if not isinstance(written, str):
            return written
        try:
            return parse(written)
        except MarketError as problem:
            raise ValueError(str(problem)) from None

    return BeforeValidator(validate)


def _member(kind: type[IntEnum], name: str) -> IntEnum:
    if name.upper() not in kind.__members__:
        raise MarketError(f"write one of {', '.join(kind.__members__)}")
    return kind[name.upper()]


def _minimum_bid_wh(text: str) -> int:
    energy_kwh = parse_decimal(text)
    return bid_energy_wh(energy_kwh) if energy_kwh else 0


def _poll_seconds(text: str) -> float:
    seconds = parse_decimal(text)
    if not 0 < seconds <= _LONGEST_POLL_S:
        raise MarketError(f"write more than 0 and at most {_LONGEST_POLL_S} seconds")
    return float(seconds)


def _http_url(text: str) -> str:
    try:
        TypeAdapter(HttpUrl).validate_python(text)
    except ValidationError:
        raise MarketError("write a URL such as http://127.0.0.1:8545") from None
    return text


class Settings(BaseModel):
    """What .env.template explains, checked; the fields are its variables in lower case.

    Passwords, and whatever may hold an API key, are SecretStr: they show as asterisks.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, alias_generator=str.upper)

    env_file: Path
    contract_address: str = ""
    utility_account: str = ""
    utility_account_pass: SecretStr = _NO_SECRET
    consumer_account: str = ""
    consumer_account_pass: SecretStr = _NO_SECRET
    local_rpc_url: Annotated[str, _from_text(_http_url)] = "http://127.0.0.1:8545"
    remote_network: str = ""
    remote_rpc_url: Annotated[SecretStr, _from_text(_http_url)] = _NO_SECRET
    web3_infura_project_id: SecretStr = _NO_SECRET
    etherscan_token: SecretStr = _NO_SECRET
    access: Annotated[Access, _from_text(partial(_member, Access))] = Access.OPEN
    pricing: Annotated[Pricing, _from_text(partial(_member, Pricing))] = Pricing.UNIFORM
    minimum_bid_wh: Annotated[int, _from_text(_minimum_bid_wh)] = Field(
        default=0, validation_alias="MINIMUM_BID_KWH"
    )
    poll_seconds: Annotated[float, _from_text(_poll_seconds)] = 1.0
    database_folder: Path = Path("database")
    explorer_api_url: Annotated[str, _from_text(_http_url)] = "https://api.etherscan.io/v2/api"

    def contract_is_overridden(self) -> bool:
        """Return whether the environment names a contract, and so the file's is unused."""
        return bool(os.environ.get("CONTRACT_ADDRESS"))

    def require_contract(self) -> ChecksumAddress:
        """Return the contract's checksummed address; MarketError if there is none, or it is wrong.

        The message never shows what stands there: a private key may have been pasted by mistake.
        """
        written = self.contract_address
        if not written:
            raise MarketError(self._no_contract())
        return checked_address(
            written, f"CONTRACT_ADDRESS {_place('CONTRACT_ADDRESS', self.env_file)}"
        )

    def require_utility_account(self) -> Account:
        """Return the utility's account; MarketError if it is not named."""
        return self._account("UTILITY_ACCOUNT", self.utility_account, self.utility_account_pass)

    def require_consumer_account(self) -> Account:
        """Return the consumer's account; MarketError if it is not named."""
        return self._account("CONSUMER_ACCOUNT", self.consumer_account, self.consumer_account_pass)

    def _account(self, variable: str, name: str, password: SecretStr) -> Account:
        if not name:
            raise MarketError(
                f"{variable} is not set: write its name into {self.env_file.name} "
                "(`brownie accounts list` shows the names)"
            )
        return Account(name, password)

    def _no_contract(self) -> str:
        name = self.env_file.name
        if not self.env_file.exists():
            return (
                f"There is no {name}: copy .env.template to {name}, "
                "or run `brownie run scripts/deploy.py`"
            )
        return (
            f"There is no CONTRACT_ADDRESS in {name}: write the contract's address there, "
            "or run `brownie run scripts/deploy.py`"
        )


def checked_address(written: str, label: str) -> ChecksumAddress:
    """Return the checksummed address; MarketError names it by its label, and never shows it."""
    if not _ADDRESS.fullmatch(written):
        raise MarketError(f"{label} is not an address: write 0x and 40 hexadecimal digits")
    address = to_checksum_address(written)
    mixed_case = not (written[2:].islower() or written[2:].isupper())
    if mixed_case and written[2:] != address[2:]:
        raise MarketError(f"{label} is mistyped (its checksum is wrong): copy it again")
    return address


def environment_without_settings() -> dict[str, str]:
    """Return the environment of this process for another one that is to have its own settings."""
    names = set(variable_names())
    return {name: value for name, value in os.environ.items() if name not in names}


def expanded(text: str) -> str:
    """Return text with its $VARIABLES filled in from the environment; unset ones stay."""
    return os.path.expandvars(text)


def env_file_path() -> Path:
    """Return where the settings are: ENV_FILE in the environment, else .env in this folder."""
    return Path(os.environ.get("ENV_FILE") or ".env")


def variable_names() -> list[str]:
    """Return the names of the variables that are settings."""
    return [
        str(field.validation_alias or field.alias or name)
        for name, field in Settings.model_fields.items()
    ]


def load_settings(env_file: Path) -> Settings:
    """Return the settings in the environment and, for what is not set there, in `env_file`.

    The file may be missing. A variable that is set but empty has its default. MarketError names
    the variable whose value is wrong.
    """
    written = {**_read_env_file(env_file), **os.environ}
    values = {name: _trimmed(name, value) for name, value in written.items() if value.strip()}
    try:
        return Settings.model_validate(
            {**values, "ENV_FILE": env_file}, by_alias=True, by_name=False
        )
    except ValidationError as problem:
        first = problem.errors(include_input=False)[0]
        variable = str(first["loc"][0])
        reason = first["ctx"]["error"]
    # Outside the handler: pydantic's own error holds the values, and must not be its context.
    raise MarketError(f"{variable} {_place(variable, env_file)}: {reason}")


def remember_contract(env_file: Path, template: Path, address: str) -> None:
    """Write CONTRACT_ADDRESS into `env_file`, which is made from `template` if it is missing.

    Every other character of the file stays. MarketError if it cannot be written.
    """
    source = env_file if env_file.exists() else template
    text = read_text(source, "get it from the repository again")
    write_whole(env_file, _with_contract(text, address), new_file_mode=0o600)


def export_for_brownie(settings: Settings) -> None:
    """Put the key that Brownie's networks refer to where they look: into the environment."""
    if settings.web3_infura_project_id:
        os.environ["WEB3_INFURA_PROJECT_ID"] = settings.web3_infura_project_id.get_secret_value()


def _read_env_file(env_file: Path) -> dict[str, str]:
    """Return the variables in the file, none if it is missing.

    python-dotenv's own loader would print a warning for a line it cannot read, and would expand
    "${...}" inside a password.
    """
    if not env_file.exists():
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


def _line(original: Original) -> str:
    """Name the line where a statement begins; its own text may be a password."""
    before = original.string[: -len(original.string.lstrip())]
    return f"line {original.line + before.count(chr(10))}"


def _trimmed(variable: str, value: str) -> str:
    return value if variable.endswith("_PASS") else value.strip()


def _place(variable: str, env_file: Path) -> str:
    return "in the environment" if variable in os.environ else f"in {env_file.name}"


def _with_contract(text: str, address: str) -> str:
    """Return the text of an env file with the address in the line that counts, the last one."""
    lines = list(_CONTRACT_LINE.finditer(text))
    if lines:
        start, end = lines[-1].span("value")
        return f"{text[:start]}{address}{text[end:]}"
    line_end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else line_end
    return f"{text}{gap}CONTRACT_ADDRESS={address}{line_end}"
