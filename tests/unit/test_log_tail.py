import json
from datetime import datetime, timezone

import pytest

from market.log_tail import last_happenings


def line(number, text="said"):
    return json.dumps(
        {
            "time": f"2026-01-01T00:00:{number:02d}.000Z",
            "level": "info",
            "event": "note",
            "text": text,
        }
    )


def test_last_happenings__of_a_log__are_the_newest_first(tmp_path):
    log = tmp_path / "consumer.log"
    log.write_text("\n".join(line(n) for n in range(30)) + "\n")
    happenings = last_happenings(log, 3)
    assert [told.time.second for told in happenings] == [29, 28, 27]
    assert happenings[0].time == datetime(2026, 1, 1, 0, 0, 29, tzinfo=timezone.utc)


@pytest.mark.parametrize("broken", ["{", "[]", "null", '{"time": 5}', "", '{"time": "x"}'])
def test_last_happenings__line_that_is_none__is_left_out(tmp_path, broken):
    log = tmp_path / "consumer.log"
    log.write_text(f"{line(1)}\n{broken}\n")
    assert len(last_happenings(log, 9)) == 1


def test_last_happenings__huge_log__reads_its_end_only(tmp_path):
    log = tmp_path / "consumer.log"
    log.write_text("x" * 1_000_000 + "\n" + line(2) + "\n")
    assert [told.time.second for told in last_happenings(log, 9)] == [2]


def test_last_happenings__signs_that_command_a_screen__become_blanks(tmp_path):
    log = tmp_path / "consumer.log"
    log.write_text(line(1, "a\u001b[31mb") + "\n")
    assert last_happenings(log, 1)[0].text == "a [31mb"


def test_last_happenings__no_log__are_none(tmp_path):
    assert last_happenings(None, 5) == ()
    assert last_happenings(tmp_path / "none", 5) == ()
