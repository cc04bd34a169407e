import pytest

from market.bids import Offer
from market.bids_file import BidsFile, ChangedMeanwhileError
from market.errors import MarketError

HEAT_PUMP = Offer(2000, 2 * 10**12, "heat pump")


@pytest.fixture
def file(tmp_path):
    return BidsFile(tmp_path / "bids.json")


def test_read__no_file__is_empty_and_can_be_saved(file):
    content = file.read()
    assert (content.exists, content.offers, content.problem) == (False, (), "")
    file.save([HEAT_PUMP], content.version)
    assert file.read().offers == (HEAT_PUMP,)


def test_read__broken__has_the_text_and_says_where(file):
    file.path.write_text('{"energy": [1],\n"price": [x]}')
    content = file.read()
    assert content.text == '{"energy": [1],\n"price": [x]}'
    assert content.problem.startswith("bids.json: line 2, column 11: not JSON")


def test_read__not_text__says_so(file):
    file.path.write_bytes(b"\xff\xfe{")
    content = file.read()
    assert "is not UTF-8 text" in content.problem
    file.save([HEAT_PUMP], content.version)
    assert file.read().offers == (HEAT_PUMP,)


@pytest.mark.parametrize("meanwhile", ["", "{}", '{"energy": [1], "price": [1]}'])
def test_save__changed_meanwhile__is_refused_and_keeps_the_file(file, meanwhile):
    version = file.read().version
    file.path.write_text(meanwhile)
    with pytest.raises(ChangedMeanwhileError, match="was changed meanwhile"):
        file.save([HEAT_PUMP], version)
    assert file.path.read_text() == meanwhile


def test_save__deleted_meanwhile__is_refused(file):
    file.save([HEAT_PUMP], file.read().version)
    version = file.read().version
    file.path.unlink()
    with pytest.raises(ChangedMeanwhileError):
        file.save([HEAT_PUMP], version)


def test_save_text__right__is_kept_to_the_letter(file):
    text = '{"_note": "of mine", "energy": [2], "price": [0.002]}\n'
    file.save_text(text, file.read().version)
    assert file.path.read_text() == text


def test_save_text__wrong__is_refused_and_nothing_is_written(file):
    with pytest.raises(MarketError, match="bid 1: energy 0 kWh must be more than zero"):
        file.save_text('{"energy": [0], "price": [1]}', file.read().version)
    assert not file.path.exists()


def test_save__file_with_notes__keeps_them(file):
    file.path.write_text('{"_note": "mine", "energy": [1], "price": [1], "_more": {"a": [null]}}')
    file.save([HEAT_PUMP], file.read().version)
    assert '"_note": "mine", "_more": {"a": [null]}' in file.path.read_text()
    assert file.read().offers == (HEAT_PUMP,)
