"""The settings: environment variables, and the file `.env` for those that are not set there."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from market import setting_text as text
from market.clearing import Access, Pricing
from market.envfile import read_env_file, with_contract
from market.errors import MarketError
from market.files import read_text, write_whole
from market.happenings import LogFormat
from market.invocation import command
from market.quiet_hours import QuietHours, parse_quiet_hours

_CONFIRMATIONS = 12
# A node that lies about fees could otherwise give all of an account's Ether away as one tip.
_MOST_FEE_WEI = 500 * 10**9
_NO_SECRET = SecretStr("")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Account:
    """An account in the keystore; with an empty password, the person is asked for it."""

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


def _choice(kind: type[Enum]) -> BeforeValidator:
    return _from_text(partial(text.choice, kind.__members__))


def _called(variable: str, default: object) -> Any:
    """Return a field with this default whose variable has another name than the field."""
    return Field(default=default, validation_alias=variable)


_Url = Annotated[str, _from_text(text.http_url)]
_Path = Annotated[Path, _from_text(text.path)]
_Seconds = Annotated[float, _from_text(text.seconds)]


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
    keystore_folder: _Path = Field(default="~/.brownie/accounts", validate_default=True)
    local_rpc_url: _Url = "http://127.0.0.1:8545"
    remote_network: str = ""
    rpc_urls: Annotated[tuple[SecretStr, ...], _from_text(text.http_urls)] = ()
    web3_infura_project_id: SecretStr = _NO_SECRET
    etherscan_token: SecretStr = _NO_SECRET
    explorer_api_url: _Url = "https://api.etherscan.io/v2/api"
    access: Annotated[Access, _choice(Access)] = Access.OPEN
    pricing: Annotated[Pricing, _choice(Pricing)] = Pricing.UNIFORM
    minimum_bid_wh: Annotated[int, _from_text(text.minimum_bid_wh)] = _called("MINIMUM_BID_KWH", 0)
    lowest_price_wei_per_wh: Annotated[int, _from_text(text.lowest_price_wei_per_wh)] = _called(
        "LOWEST_PRICE_ETH_PER_KWH", 0
    )
    maximum_requests_per_day: Annotated[int | None, _from_text(text.requests_per_day)] = _called(
        "MAX_REQUESTS_PER_DAY", None
    )
    quiet_hours: Annotated[QuietHours | None, _from_text(parse_quiet_hours)] = None
    dry_run: Annotated[bool, _from_text(text.yes_or_no)] = False
    maximum_fee_wei_per_gas: Annotated[int | None, _from_text(text.fee_wei_per_gas)] = _called(
        "MAX_FEE_GWEI", _MOST_FEE_WEI
    )
    replace_seconds: _Seconds = 15.0
    low_balance_wei: Annotated[int | None, _from_text(text.balance_wei)] = _called(
        "LOW_BALANCE_ETH", None
    )
    confirmations: Annotated[int | None, _from_text(text.confirmations)] = None
    poll_seconds: _Seconds = 2.0
    database_folder: _Path = Path("database")
    log_format: Annotated[LogFormat, _choice(LogFormat)] = LogFormat.TEXT
    log_file: Annotated[Path | None, _from_text(text.path_or_none)] = Field(
        default_factory=lambda settings: settings["database_folder"] / "consumer.log"
    )
    page_host: Annotated[str, _from_text(text.host)] = "127.0.0.1"
    page_port: Annotated[int, _from_text(text.port)] = 8000
    page_password_hash: SecretStr = _NO_SECRET

    def final_after(self, *, remote: bool) -> int:
        """Return how many blocks must follow one for it to be final; none on a local chain."""
        if self.confirmations is not None:
            return self.confirmations
        return _CONFIRMATIONS if remote else 0

    def secrets(self) -> list[str]:
        """Return the passwords, keys and addresses of nodes as they are, for whoever masks them."""
        values = [getattr(self, name) for name in type(self).model_fields]
        hidden = [*(value for value in values if isinstance(value, SecretStr)), *self.rpc_urls]
        return [self.local_rpc_url, *(secret.get_secret_value() for secret in hidden if secret)]

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

    def require_database_folder(self) -> None:
        """MarketError unless the database folder is one that this program may enter."""
        folder = self.database_folder
        mend = f"mend DATABASE_FOLDER {_place('DATABASE_FOLDER', self.env_file)}"
        try:
            # Whoever may not enter it does not see the way out of it either.
            (folder / "..").stat()
        except FileNotFoundError:
            raise MarketError(
                f"There is no folder {folder}: make it (a consumer's bids.json belongs there), "
                f"or {mend}"
            ) from None
        except OSError as problem:
            raise MarketError(
                f"The folder {folder} cannot be entered ({problem.strerror}): see to it that the "
                f"user who runs this can, or {mend}"
            ) from None

    def _account(self, variable: str, name: str, password: SecretStr) -> Account:
        if not name:
            raise MarketError(
                f"{variable} is not set: write its name into {self.env_file.name} "
                f"(the accounts are the files in {self.keystore_folder})"
            )
        return Account(name, password)

    def _no_contract(self) -> str:
        name = self.env_file.name
        if not self.env_file.exists():
            return (
                f"There is no {name}: `install -m 600 .env.template {name}` makes one to fill in, "
                f"and so does the utility's `{command('deploy')}`"
            )
        return (
            f"There is no CONTRACT_ADDRESS in {name}: write the contract's address there, "
            f"or ask the utility for it, whose `{command('deploy')}` makes one"
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
    in_file = read_env_file(env_file)
    if in_file.get("REMOTE_RPC_URL"):
        raise MarketError(f"REMOTE_RPC_URL in {env_file.name} is called RPC_URLS now: rename it")
    written = {**in_file, **os.environ}
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


def remember_contract(env_file: Path, template: Path, address: str) -> str | None:
    """Write CONTRACT_ADDRESS into `env_file`, which is made from `template` if it is missing.

    Every other character of the file stays. Returns the address that it replaces, if there was
    one. MarketError if the file cannot be written.
    """
    before = read_env_file(env_file).get("CONTRACT_ADDRESS", "").strip()
    source = env_file if env_file.exists() else template
    written = read_text(source, "get it from the repository again")
    write_whole(env_file, with_contract(written, address), new_file_mode=0o600)
    return before if _ADDRESS.fullmatch(before) else None


def _trimmed(variable: str, value: str) -> str:
    return value if variable.endswith("_PASS") else value.strip()


def _place(variable: str, env_file: Path) -> str:
    return "in the environment" if variable in os.environ else f"in {env_file.name}"
