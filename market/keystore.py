"""The keystore: an account's key in an encrypted file, as Brownie and other wallets write it."""

import json
import warnings
from getpass import GetPassWarning, getpass
from pathlib import Path

from eth_account import Account as EthAccount
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from market.errors import MarketError
from market.files import write_whole
from market.settings import Account

# What eth_account says of it, in keystore files of version 3 and 4.
_WRONG_PASSWORD = ("MAC mismatch", "Checksum mismatch")
# A file's name may have 255, and the file is written under a longer one first.
_LONGEST_NAME_BYTES = 200


def load_key(folder: Path, account: Account) -> LocalAccount:
    """Return the account whose keystore file is in the folder, with its key.

    Without a password in .env, the person at the terminal is asked for it. MarketError if there
    is no such file, if it cannot be read, if it is damaged, or if the password is wrong.
    """
    # Read first: nobody should have to type a password to learn that the file cannot be used.
    encrypted = _content(_file(folder, account.name), account.name)
    return _decrypted(encrypted, account, account.password.get_secret_value() or _typed(account))


def read_address(folder: Path, name: str) -> ChecksumAddress | None:
    """Return an account's address without its password; None where its file does not tell it.

    MarketError if there is no such file, it cannot be read, or it is damaged.
    """
    written = str(_content(_file(folder, name), name).get("address") or "").removeprefix("0x")
    try:
        return to_checksum_address(f"0x{written}") if written else None
    except ValueError:
        raise _damaged(name) from None


def new_account(folder: Path, name: str) -> ChecksumAddress:
    """Make an account, ask for its password, and keep its key in the folder.

    MarketError if there is one of this name, nobody types a password, or it cannot be written.
    """
    file = _file(folder, name)
    if _is_taken(file):
        raise MarketError(f"There is an account {name} in {folder} already: choose another name")
    password = _typed_twice(name)
    made = EthAccount.create()
    # Opened with little memory, where scrypt would take 256 MB: a device may have no more.
    encrypted = EthAccount.encrypt(made.key, password, kdf="pbkdf2")
    write_whole(file, json.dumps(encrypted), new_file_mode=0o600)
    address: ChecksumAddress = made.address
    return address


def _is_taken(file: Path) -> bool:
    """Return whether there is such a file in the keystore, which is made if it is missing."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return file.exists()
    except OSError as problem:
        raise MarketError(
            f"The keystore {file.parent} cannot be made or entered ({problem.strerror}): mend "
            "KEYSTORE_FOLDER in .env, or make that folder yourself"
        ) from None


def _file(folder: Path, name: str) -> Path:
    """Return where an account's file is, which is in the folder whatever the name."""
    plain = name.isprintable() and not {"/", "\\"} & {*name}
    if not plain or len(name.encode()) > _LONGEST_NAME_BYTES:
        raise MarketError(
            f"{name!r} is not the name of an account: write that of a file in {folder}, "
            "without its .json"
        )
    return folder / f"{name.removesuffix('.json')}.json"


def _content(file: Path, name: str) -> dict[str, object]:
    try:
        encrypted = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise MarketError(
            f"There is no account {name} in the keystore {file.parent}: "
            "`python -m market account NAME` makes one, and so does a copy of a wallet's keystore "
            "file there as NAME.json"
        ) from None
    except OSError as problem:
        raise MarketError(
            f"The keystore file of account {name} cannot be read ({problem.strerror}): "
            "make it readable for the user who runs this"
        ) from None
    except (ValueError, RecursionError):
        raise _damaged(name) from None
    if not isinstance(encrypted, dict) or "version" not in encrypted:
        raise _damaged(name)
    return encrypted


def _decrypted(encrypted: dict[str, object], account: Account, password: str) -> LocalAccount:
    """Return the account; nothing of the password or the key is in an error's context."""
    try:
        key: LocalAccount = EthAccount.from_key(EthAccount.decrypt(encrypted, password))
    # A damaged file makes the library fail in many ways.
    except Exception as problem:
        wrong = str(problem) in _WRONG_PASSWORD
    else:
        if _is_address_of(key, encrypted):
            return key
        wrong = False
    if wrong:
        raise MarketError(f"The password of account {account.name} is wrong: mend it in .env")
    raise _damaged(account.name)


def _is_address_of(key: LocalAccount, encrypted: dict[str, object]) -> bool:
    """Return whether the file's address, which not every wallet writes, is the key's."""
    written = encrypted.get("address")
    return not written or str(written).lower().removeprefix("0x") == key.address[2:].lower()


def _damaged(name: str) -> MarketError:
    return MarketError(
        f"The keystore file of account {name} is damaged: put it back from your copy, or from the "
        "wallet that made it"
    )


def _typed(account: Account) -> str:
    """Return the password that the person at the terminal types; MarketError without a terminal."""
    return read_secret(
        f"Password of account {account.name}: ",
        f"The password of account {account.name} is not in .env, and there is no terminal "
        "to type it at: write it into .env",
    )


def read_secret(question: str, without_terminal: str) -> str:
    """Return what is typed without being shown; MarketError with these words if nobody can."""
    try:
        with warnings.catch_warnings():
            # Said where the password could only be read from a pipe, and would be shown.
            warnings.simplefilter("error", GetPassWarning)
            return getpass(question)
    except (GetPassWarning, EOFError):
        raise MarketError(without_terminal) from None


def _typed_twice(name: str) -> str:
    question = f"New password of account {name}: "
    password = read_secret(question, "There is no terminal to type a password at: use one")
    if not password:
        raise MarketError("An account needs a password: type one")
    if read_secret("The same again: ", "") != password:
        raise MarketError("The two passwords differ, and no account was made: try again")
    return password
