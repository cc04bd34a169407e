import json
import os
import pty
import re
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

import pytest
from eth_account import Account as EthAccount
from pydantic import SecretStr

from market.errors import MarketError
from market.keystore import load_key, new_account
from market.settings import Account
from tests.unit.nobody import as_nobody

REPOSITORY = Path(__file__).parents[2]
PASSWORD = "correct 'horse' #battery"
# The two test vectors of the Web3 Secret Storage Definition: one key, one password.
SPECIFIED_KEY = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
SPECIFIED_PASSWORD = "testpassword"
PBKDF2 = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


@pytest.fixture
def key():
    return EthAccount.create()


@pytest.fixture
def encrypted(key):
    return EthAccount.encrypt(key.key, PASSWORD, kdf="pbkdf2", iterations=2)


@pytest.fixture
def save(tmp_path):
    def save(content, name="home"):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / f"{name}.json").write_text(text)

    return save


def account(name="home", password=PASSWORD):
    return Account(name, SecretStr(password))


def refused(folder, **wrong):
    with pytest.raises(MarketError) as problem:
        load_key(folder, account(**wrong))
    return str(problem.value)


@pytest.mark.parametrize("content", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_load_key__file_as_the_standard_has_it__is_its_key(tmp_path, save, content):
    save(content)
    loaded = load_key(tmp_path, account(password=SPECIFIED_PASSWORD))
    assert loaded.key.hex() == SPECIFIED_KEY


@pytest.mark.parametrize("name", ["home", "home.json"])
def test_load_key__with_and_without_the_files_ending__is_the_account(
    tmp_path, save, key, encrypted, name
):
    save(encrypted)
    assert load_key(tmp_path, account(name)).address == key.address


@pytest.mark.parametrize("name", ["Zählerraum 2", "..", "-n"])
def test_load_key__any_name_a_file_may_have__is_found(tmp_path, save, key, encrypted, name):
    save(encrypted, name)
    assert load_key(tmp_path, account(name)).address == key.address


@pytest.mark.parametrize(
    "address", [None, "", "lower", "checksummed"], ids=["missing", "empty", "lower", "checksummed"]
)
def test_load_key__address_in_the_file__may_be_written_in_any_way(
    tmp_path, save, key, encrypted, address
):
    written = {"lower": key.address[2:].lower(), "checksummed": key.address}.get(address, address)
    del encrypted["address"]
    save({**encrypted, **({} if written is None else {"address": written})})
    assert load_key(tmp_path, account()).address == key.address


def test_load_key__no_such_file__says_how_to_add_one(tmp_path, save, encrypted):
    save(encrypted)
    assert refused(tmp_path, name="nobody") == (
        f"There is no account nobody in the keystore {tmp_path}: `python -m market account NAME` "
        "makes one, and so does a copy of a wallet's keystore file there as NAME.json"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "sub/home",
        "..\\outside",
        "home\0",
        "a\nb",
        pytest.param("é" * 101, id="long"),
    ],
)
def test_load_key__name_that_no_file_of_the_folder_has__is_refused(tmp_path, save, encrypted, name):
    folder = tmp_path / "keystore"
    (folder / "sub").mkdir(parents=True)
    save(encrypted, "outside")
    save(encrypted, "keystore/sub/home")
    assert refused(folder, name=name) == (
        f"{name!r} is not the name of an account: write that of a file in {folder}, "
        "without its .json"
    )


def test_load_key__wrong_password__says_so(tmp_path, save, encrypted):
    save(encrypted)
    assert refused(tmp_path, password="hunter2") == (
        "The password of account home is wrong: mend it in .env"
    )


def damaged(encrypted, **crypto):
    return {**encrypted, "crypto": {**encrypted["crypto"], **crypto}}


@pytest.mark.parametrize(
    "content",
    [
        lambda _: "",
        lambda _: "not JSON",
        lambda _: "[" * 100_000,
        lambda _: [],
        lambda _: {},
        lambda _: {"version": 3},
        lambda encrypted: {**encrypted, "version": 7},
        lambda encrypted: {**encrypted, "crypto": None},
        lambda encrypted: damaged(encrypted, kdf="md5"),
        lambda encrypted: damaged(encrypted, kdfparams={}),
        lambda encrypted: damaged(encrypted, mac="zz"),
        lambda encrypted: damaged(encrypted, kdf="scrypt"),
        lambda encrypted: damaged(encrypted, cipherparams={"iv": "00" * 16}),
    ],
)
def test_load_key__damaged_file__says_so(tmp_path, save, encrypted, content):
    save(content(encrypted))
    assert refused(tmp_path) == (
        "The keystore file of account home is damaged: put it back from your copy, or from the "
        "wallet that made it"
    )


def test_load_key__file_cannot_be_read__says_why_and_not_that_it_is_damaged(tmp_path):
    (tmp_path / "home.json").mkdir()
    assert refused(tmp_path) == (
        "The keystore file of account home cannot be read (Is a directory): make it readable for "
        "the user who runs this"
    )


@pytest.mark.parametrize("wrong", [{"password": "hunter2"}, {}])
def test_load_key__problem__has_no_secret_in_it_nor_in_its_causes(tmp_path, save, encrypted, wrong):
    save(encrypted if wrong else damaged(encrypted, cipherparams={"iv": "00" * 16}))
    with pytest.raises(MarketError) as problem:
        load_key(tmp_path, account(**wrong))
    error = problem.value
    shown = "".join(traceback.format_exception(type(error), error, None))
    assert not [secret for secret in (PASSWORD, "hunter2") if secret in shown]
    assert error.__context__ is None


def at_a_terminal(*arguments, **settings):
    """Start a Python at a terminal of its own, and return it with our end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


LOAD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from pydantic import SecretStr\n"
    "from market.errors import MarketError\n"
    "from market.keystore import load_key\n"
    "from market.settings import Account\n"
    "try:\n"
    "    print(load_key(Path(sys.argv[1]), Account('home', SecretStr(''))).address)\n"
    "except MarketError as problem:\n"
    "    sys.exit(str(problem))\n"
)


def test_load_key__no_password_and_no_terminal__says_where_to_write_it(tmp_path, save, encrypted):
    save(encrypted)
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path],
        cwd=REPOSITORY,
        input=PASSWORD,
        text=True,
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    assert ended.stdout == ""
    assert ended.stderr == (
        "The password of account home is not in .env, and there is no terminal to type it at: "
        "write it into .env\n"
    )


def test_load_key__no_password__is_asked_for_at_the_terminal_and_not_shown(
    tmp_path, save, key, encrypted
):
    save(encrypted)
    process, ours = at_a_terminal("-c", LOAD, str(tmp_path))
    shown = b""
    while b"Password of account home: " not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, f"{PASSWORD}\n".encode())
    while key.address.encode() not in shown:
        shown += os.read(ours, 1024)
    assert process.wait() == 0
    os.close(ours)
    assert PASSWORD.encode() not in shown


# New accounts


@pytest.fixture
def make(tmp_path):
    """Run `python -m market account home` at a terminal, and type an answer to each question."""

    def make(*typed):
        settings = {"KEYSTORE_FOLDER": str(tmp_path / "keystore"), "ENV_FILE": "none"}
        process, ours = at_a_terminal("-m", "market", "account", "home", **settings)
        shown, answered = "", 0
        with suppress(OSError):
            while part := os.read(ours, 4096).decode():
                shown += part
                if len(re.findall("(?:account home|again): ", shown)) > answered:
                    os.write(ours, f"{typed[answered]}\n".encode())
                    answered += 1
        os.close(ours)
        return process.wait(), shown

    return make


def test_account__password_typed_twice__is_an_account_that_only_its_owner_can_read(tmp_path, make):
    status, shown = make(PASSWORD, PASSWORD)
    assert status == 0
    assert PASSWORD not in shown
    file = tmp_path / "keystore" / "home.json"
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(file.parent, account()).address in shown


def test_account__there_is_one_already__stays_as_it_is(tmp_path, make):
    make(PASSWORD, PASSWORD)
    before = (tmp_path / "keystore" / "home.json").read_bytes()
    status, shown = make("other", "other")
    assert status == 1
    assert "There is an account home in" in shown
    assert (tmp_path / "keystore" / "home.json").read_bytes() == before


def test_account__keystore_cannot_be_made__says_so_before_a_password_is_typed(tmp_path, make):
    (tmp_path / "keystore").touch()
    status, shown = make()
    assert status == 1
    assert "cannot be made or entered (File exists): mend KEYSTORE_FOLDER in .env" in " ".join(
        shown.split()
    )
    assert "Traceback" not in shown


def test_new_account__keystore_of_somebody_else__says_so(tmp_path):
    folder = tmp_path / "keystore"
    folder.mkdir(mode=0)
    said = as_nobody(lambda: new_account(folder, "home"))
    assert said.startswith(f"The keystore {folder} cannot be made or entered (Permission denied): ")


@pytest.mark.parametrize(
    ("typed", "said"), [(("",), "An account needs a password"), (("a", "b"), "passwords differ")]
)
def test_account__no_password_or_two__makes_none(tmp_path, make, typed, said):
    status, shown = make(*typed)
    assert status == 1
    assert said in shown
    assert not (tmp_path / "keystore" / "home.json").exists()
