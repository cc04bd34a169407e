import json
import os
import pty
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from io import StringIO, TextIOWrapper
from pathlib import Path
from stat import S_IMODE

import pytest
from rich.console import Console

from market import log
from market.happenings import Happening, LogFormat
from market.log import open_log

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef0123456789abcdef"
NODE = f"https://sepolia.infura.io/v3/{KEY}"
WON = Happening("bid_won", "  Won (Wärmepumpe)", {"payment_eth": "0.004"}, style="green")
AWAY = Happening("node_away", f"no answer from {NODE}\n\x1b[2J", {"url": [NODE]}, level="warning")
SECONDS_OF_A_DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "consumer.log"


@pytest.fixture
def screen():
    return StringIO()


@pytest.fixture
def out(screen):
    return Console(file=screen, width=30)


def lines_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def texts_of(path):
    return [line["text"] for line in lines_of(path)]


# The terminal


def test_open_log__text__is_a_line_with_the_local_time(out, screen):
    before = datetime.now().replace(microsecond=0)
    open_log(out, LogFormat.TEXT, None, [])(WON)
    clock, text = screen.getvalue()[:8], screen.getvalue()[8:]
    told = datetime.combine(before, datetime.strptime(clock, "%H:%M:%S").time())
    assert (told - before).total_seconds() % SECONDS_OF_A_DAY < 60
    assert text == "    Won (Wärmepumpe)\n"


def test_open_log__json__is_an_object_a_line(out, screen):
    before = datetime.now(timezone.utc)
    tell = open_log(out, LogFormat.JSON, None, [])
    tell(WON)
    tell(AWAY)
    first, second = map(json.loads, screen.getvalue().splitlines())
    time = first.pop("time")
    assert time.endswith("Z")
    told = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert timedelta(milliseconds=-1) < told - before < timedelta(seconds=60)
    assert first == {
        "level": "info",
        "event": "bid_won",
        "text": "Won (Wärmepumpe)",
        "fields": {"payment_eth": "0.004"},
    }
    assert (second["level"], second["event"]) == ("warning", "node_away")


@pytest.mark.parametrize("log_format", LogFormat)
def test_open_log__foreign_text__cannot_break_its_line_or_command_the_terminal(
    out, screen, log_format
):
    text = "one\ntwo\r\x1b]0;title\x07\x9b31m\u2028[bold]three[/bold] :smile:"
    open_log(out, log_format, None, [])(Happening("note", text, {"device": text}))
    shown = screen.getvalue()
    assert len(shown.splitlines()) == 1
    assert shown.endswith("\n")
    assert shown[:-1].isprintable()
    assert "[bold]three[/bold] :smile:" in shown


@pytest.mark.parametrize("log_format", LogFormat)
def test_open_log__secret_in_text_and_fields__is_masked_everywhere(out, screen, path, log_format):
    open_log(out, log_format, path, [NODE])(AWAY)
    assert "no answer from https://sepolia.infura.io/***" in screen.getvalue()
    (line,) = lines_of(path)
    assert line["fields"] == {"url": ["https://sepolia.infura.io/***"]}
    assert KEY not in screen.getvalue() + path.read_text("utf-8")


def test_open_log__real_terminal__colours_the_line_and_nothing_else():
    reading, writing = pty.openpty()
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        terminal = Console(file=file, force_terminal=True, color_system="standard", width=200)
        open_log(terminal, LogFormat.TEXT, None, [])(Happening("note", "\x1b[2Jred\n", style="red"))
        shown = os.read(reading, 1000).decode()
    os.close(reading)
    assert shown.endswith("\x1b[0m\x1b[31m [2Jred \x1b[0m\r\n")
    assert shown.count("\n") == 1


@pytest.mark.parametrize("log_format", LogFormat)
def test_open_log__output_that_cannot_show_a_sign__shows_a_question_mark(tmp_path, log_format):
    with (tmp_path / "out").open("w", encoding="ascii") as file:
        open_log(Console(file=file), log_format, None, [])(WON)
    assert "Won (W?rmepumpe)" in (tmp_path / "out").read_text()


@pytest.mark.parametrize("log_format", LogFormat)
def test_open_log__output_full__goes_on_and_tells_the_file(path, log_format):
    with Path("/dev/full").open("wb", buffering=0) as full:
        terminal = Console(file=TextIOWrapper(full, write_through=True))
        tell = open_log(terminal, log_format, path, [])
        for _ in range(3):
            tell(WON)
    assert len(lines_of(path)) == 3


def test_open_log__reader_of_the_output_is_gone__goes_on_and_tells_the_file(path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rich.console import Console\n"
        "from market.happenings import Happening, LogFormat\n"
        "from market.log import open_log\n"
        "tell = open_log(Console(), LogFormat.TEXT, Path(sys.argv[1]), [])\n"
        "for text in sys.stdin:\n"
        "    tell(Happening('note', text))\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        process.stdout.close()
        _, said = process.communicate(b"first\nsecond\nthird\n")
    assert process.returncode == 0, said
    assert texts_of(path) == ["first", "second", "third"]


# The file


def test_log_file__new__is_only_for_its_owner(out, path):
    mask = os.umask(0)
    try:
        open_log(out, LogFormat.TEXT, path, [])(WON)
    finally:
        os.umask(mask)
    assert S_IMODE(path.stat().st_mode) == 0o600


def test_log_file__terminal_in_text__has_lines_of_json(out, path):
    tell = open_log(out, LogFormat.TEXT, path, [])
    tell(WON)
    tell(AWAY)
    assert [(line["event"], line["level"]) for line in lines_of(path)] == [
        ("bid_won", "info"),
        ("node_away", "warning"),
    ]
    assert "Wärmepumpe" in path.read_text("utf-8")


def test_log_file__started_again__goes_on_where_it_was(out, path):
    for number in range(2):
        open_log(out, LogFormat.TEXT, path, [])(Happening("note", f"start {number}"))
    assert texts_of(path) == ["start 0", "start 1"]


def test_log_file__full__is_rotated_and_bounded(out, path, tmp_path):
    tell = open_log(out, LogFormat.TEXT, path, [])
    long = 100 * "ä long text, "
    for number in range(6 * log.LOG_FILE_BYTES // len(long)):
        tell(Happening("note", f"{number} {long}"))
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["consumer.log", *(f"consumer.log.{n}" for n in "1234")]
    assert {S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    numbers = [
        int(text.split()[0]) for file in [*reversed(files[1:]), path] for text in texts_of(file)
    ]
    assert numbers == [*range(numbers[0], number + 1)]
    # A character may be more than one byte.
    assert max(file.stat().st_size for file in files) < 1.2 * log.LOG_FILE_BYTES


def test_log_file__last_line_broken_off__begins_a_line_of_its_own(out, path):
    path.write_text('{"time": "2025-06-01T12:0')
    open_log(out, LogFormat.TEXT, path, [])(WON)
    _broken, line = path.read_text("utf-8").splitlines()
    assert json.loads(line)["event"] == "bid_won"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda path: path.symlink_to("/dev/full"), "No space left on device"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.parent.rmdir(), "No such file or directory"),
    ],
)
def test_log_file__trouble__is_told_once_and_stops_nothing(tmp_path, screen, trouble, reason):
    path = tmp_path / "logs" / "consumer.log"
    path.parent.mkdir()
    trouble(path)
    tell = open_log(Console(file=screen), LogFormat.TEXT, path, [])
    for number in range(3):
        tell(Happening("note", f"note {number}"))
    shown = [line[10:] for line in screen.getvalue().splitlines()]
    assert shown == [
        "note 0",
        f"The log file {path} cannot be written ({reason}), and the consumer goes on: "
        "check the free space, and that you may write in its folder",
        "note 1",
        "note 2",
    ]


def test_log_file__trouble_is_over__is_written_again_and_new_trouble_is_told(path, screen):
    tell = open_log(Console(file=screen), LogFormat.JSON, path, [])
    for number, full in enumerate([True, False, True]):
        path.unlink(missing_ok=True)
        if full:
            path.symlink_to("/dev/full")
        tell(Happening("note", f"note {number}"))
        if not full:
            assert texts_of(path) == ["note 1"]
    events = [json.loads(line)["event"] for line in screen.getvalue().splitlines()]
    assert events == ["note", "log_file_problem", "note", "note", "log_file_problem"]


def test_log_file__disk_full_within_a_line__loses_that_line_only(path):
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from rich.console import Console\n"
        "from market.happenings import Happening, LogFormat\n"
        "from market.log import open_log\n"
        "tell = open_log(Console(), LogFormat.TEXT, Path(sys.argv[1]), [])\n"
        "for number, most_bytes in enumerate([1000, 200, 1000]):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, -1))\n"
        "    tell(Happening('note', f'note {number}'))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert ended.stdout.count("cannot be written (File too large)") == 1
    first, broken, last = path.read_text().splitlines()
    assert (json.loads(first)["text"], json.loads(last)["text"]) == ("note 0", "note 2")
    assert len(first) + 1 + len(broken) == 200


def test_log_file__folder_no_longer_lets_it_rotate__is_told_once(path, screen):
    path.write_text(log.LOG_FILE_BYTES * "a")
    for number in "1234":
        in_the_way = path.with_name(f"consumer.log.{number}")
        in_the_way.mkdir()
        (in_the_way / "file").touch()
    tell = open_log(Console(file=screen), LogFormat.TEXT, path, [])
    tell(WON)
    tell(WON)
    assert screen.getvalue().count("cannot be written") == 1
    assert screen.getvalue().count("Won") == 2
