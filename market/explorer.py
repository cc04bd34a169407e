"""Publishing the contract's source at an explorer that speaks Etherscan's API, version 2."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests
from eth_abi.abi import encode
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from market.artifact import load_artifact
from market.clearing import Access
from market.errors import MarketError
from market.invocation import command
from market.settings import Settings

_ROOT = Path(__file__).parent.parent
_TIMEOUT_S = 30
_ATTEMPTS = 20
_PAUSE_S = 5.0
# How answers begin that will be others in a while, and what stands in one that is good news.
_LATER = ("pending", "unable to locate", "max ")
_DONE_BEFORE = "already verified"
_MIT_LICENSE = 3


def publish_source(
    settings: Settings, chain_id: int, address: str, access: Access, pause_s: float = _PAUSE_S
) -> None:
    """Publish the source of a contract deployed with `access`, and wait for the explorer's word.

    MarketError says why it did not work; the contract works all the same.
    """
    ask = partial(_ask, settings, chain_id)
    submission = _submission(address, access)
    # An explorer needs a while to see a new contract, and another to compile the source.
    ticket = _patiently(partial(ask, "POST", submission), pause_s)
    if _DONE_BEFORE not in ticket.lower():
        status = {"module": "contract", "action": "checkverifystatus", "guid": ticket}
        _patiently(partial(ask, "GET", status), pause_s)


def standard_input() -> dict[str, Any]:
    """Return the compiler's input that yields the shipped bytecode: all sources, and settings.

    MarketError if a source is missing, as the imported ones are before the set-up.
    """
    artifact = load_artifact()
    try:
        sources = {
            path: {"content": (_ROOT / path).read_text("utf-8")} for path in artifact["sources"]
        }
    except OSError as problem:
        raise MarketError(
            f"The source {problem.filename}, to be published, cannot be read "
            f"({problem.strerror}): set this folder up with ./run_demo.sh, or leave "
            "ETHERSCAN_TOKEN empty: the contract works without"
        ) from None
    outputs = {"*": {"*": ["abi", "evm.bytecode.object", "metadata"]}}
    return {
        "language": "Solidity",
        "sources": sources,
        "settings": {**artifact["settings"], "outputSelection": outputs},
    }


def _submission(address: str, access: Access) -> dict[str, Any]:
    artifact = load_artifact()
    return {
        "module": "contract",
        "action": "verifysourcecode",
        "contractaddress": address,
        "sourceCode": json.dumps(standard_input()),
        "codeformat": "solidity-standard-json-input",
        "contractname": f"{artifact['sourcePath']}:{artifact['contractName']}",
        "compilerversion": f"v{artifact['compiler']}",
        # The API's own spelling.
        "constructorArguements": encode(["uint8"], [int(access)]).hex(),
        "licenseType": _MIT_LICENSE,
    }


def _patiently(ask: Callable[[], tuple[bool, str]], pause_s: float) -> str:
    """Return the explorer's answer once it is a final one; MarketError if that is a refusal."""
    retrying = Retrying(
        retry=retry_if_result(lambda answer: answer[1].lower().startswith(_LATER)),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_fixed(pause_s),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    accepted, answer = retrying(ask)
    if not accepted and _DONE_BEFORE not in answer.lower():
        raise MarketError(
            f'The source was not published: the explorer says "{answer[:200]}"; {_no_harm()}'
        )
    return answer


def _ask(
    settings: Settings, chain_id: int, method: str, fields: dict[str, Any]
) -> tuple[bool, str]:
    """Return whether the explorer agreed, and what it said; nothing of it shows the key.

    The API takes what is submitted in the body, and what is asked for in the address.
    """
    key = settings.etherscan_token.get_secret_value()
    written = {**fields, "apikey": key}
    address: dict[str, Any] = {"chainid": chain_id, **(written if method == "GET" else {})}
    try:
        response = requests.request(
            method,
            settings.explorer_api_url,
            params=address,
            data=written if method == "POST" else None,
            timeout=_TIMEOUT_S,
        )
        answer = response.json()
        said = " ".join(str(answer["result"]).split())
        return str(answer["status"]) == "1", said.replace(key, "(your key)")
    except (requests.RequestException, ValueError, KeyError, TypeError) as problem:
        # Only the kind of problem: its text may hold what was sent.
        raise MarketError(
            f"The source was not published: the explorer does not answer "
            f"({type(problem).__name__}); {_no_harm()}"
        ) from None


def _no_harm() -> str:
    return (
        f"the contract works without it, and `{command('deploy')}` once more publishes it without "
        "deploying another (for another one, leave ETHERSCAN_TOKEN empty once)"
    )
