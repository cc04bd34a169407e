"""Publishing the source: what explorers answer, and what people are told of it."""

import pytest

from market.clearing import Access
from market.errors import MarketError
from market.explorer import publish_source
from market.settings import Settings
from tests.scripts.servers import LOOK_UP, SUBMIT, Explorer, serving

ADDRESS = "0x" + "5" * 40
KEY = "KEY1234567890"
TICKET = ("1", "ticket")
PASS = ("1", "Pass - Verified")


@pytest.fixture
def publish(tmp_path):
    """Publish at an explorer that has these answers, and return what it was asked."""

    def publish(submit=(TICKET,), look_up=(PASS,)):
        explorer = Explorer(submit=submit, look_up=look_up)
        with serving(explorer.answer) as url:
            publish_at(tmp_path, url)
        return explorer

    return publish


def publish_at(folder, url):
    settings = Settings(
        env_file=folder / ".env", etherscan_token=KEY, explorer_api_url=f"{url}/v2/api"
    )
    publish_source(settings, 11155111, ADDRESS, Access.APPROVED, pause_s=0.01)


def test_publish_source__accepted__submits_all_that_the_api_wants(publish):
    (submission,) = publish().calls[SUBMIT]
    assert submission.pop("sourceCode").startswith('{"language": "Solidity"')
    assert submission.pop("compilerversion").startswith("v0.8.30+commit.")
    assert submission == {
        "chainid": "11155111",
        "module": "contract",
        "action": SUBMIT,
        "apikey": KEY,
        "contractaddress": ADDRESS,
        "codeformat": "solidity-standard-json-input",
        "contractname": "contracts/Demand_Reduction.sol:Demand_Reduction",
        "constructorArguements": f"{2:064x}",
        "licenseType": "3",
    }


def test_publish_source__submitting__the_key_is_not_in_the_address(publish):
    explorer = publish()
    assert KEY not in explorer.paths[0]


def test_publish_source__accepted__looks_up_its_ticket(publish):
    (question,) = publish().calls[LOOK_UP]
    assert question["guid"] == "ticket"
    assert question["chainid"] == "11155111"


def test_publish_source__not_yet__asks_again(publish):
    explorer = publish(
        submit=[("0", f"Unable to locate ContractCode at {ADDRESS}"), TICKET],
        look_up=[("0", "Pending in queue"), ("0", "Max calls per sec rate limit reached"), PASS],
    )
    assert [len(calls) for calls in explorer.calls.values()] == [2, 3]


@pytest.mark.parametrize(
    "answers",
    [
        {"submit": [("0", "Contract source code already verified")]},
        {"look_up": [("0", "Already Verified")]},
    ],
    ids=["told at once", "told later"],
)
def test_publish_source__published_before__is_content(publish, answers):
    publish(**answers)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"submit": [("0", "Missing/Invalid API Key")]}, "Missing/Invalid API Key"),
        ({"look_up": [("0", "Fail - Unable to verify")]}, "Fail - Unable to verify"),
        ({"look_up": [("0", "Pending in queue")]}, "Pending in queue"),
    ],
)
def test_publish_source__refused__says_why_and_that_the_contract_works(publish, answers, said):
    with pytest.raises(MarketError, match=f'"{said}"; the contract works without it'):
        publish(**answers)


def test_publish_source__answer_shows_the_key__the_message_does_not(publish):
    with pytest.raises(MarketError, match="not published") as refused:
        publish(submit=[("0", f"Invalid key\n{KEY}")])
    assert KEY not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("answer", [(502, "<html>"), (200, "[]"), (200, "{}"), (404, "")])
def test_publish_source__no_sensible_answer__says_so(tmp_path, answer):
    with serving(lambda *_: answer) as url, pytest.raises(MarketError, match="does not answer"):
        publish_at(tmp_path, url)


def test_publish_source__no_answer__says_so_without_the_key(tmp_path):
    with pytest.raises(MarketError, match="does not answer") as refused:
        publish_at(tmp_path, "http://127.0.0.1:9")
    assert KEY not in str(refused.value)
