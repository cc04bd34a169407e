import configparser
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from market.status import HEARTBEAT_SECONDS
from market.systemd import ServiceManager

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "energy-consumer.service"
INSTALLED = "/opt/energy-market"
KEY = "0123456789abcdef0123456789abcdef"
NODE = f"https://sepolia.infura.io/v3/{KEY}"


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch):
    """The socket that systemd would listen at."""
    abstract = request.param == "abstract"
    name = f"@test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1) if abstract else name)
        listener.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listener


@pytest.fixture
def unit():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    return unit


def heard(listener):
    return listener.recv(4096).decode().split("\n")


# What systemd is told


def test_ready__systemd_listens__is_ready_with_its_state(systemd):
    ServiceManager().ready("waiting for requests")
    assert heard(systemd) == ["READY=1", "STATUS=waiting for requests"]


def test_alive__systemd_listens__feeds_the_watchdog(systemd):
    ServiceManager().alive("bidding in request 3 (Wärmepumpe)")
    assert heard(systemd) == ["WATCHDOG=1", "STATUS=bidding in request 3 (Wärmepumpe)"]


def test_stopping__systemd_listens__says_so(systemd):
    ServiceManager().stopping()
    assert heard(systemd) == ["STOPPING=1", "STATUS=stopping"]


def test_alive__secret_and_line_break_in_the_state__tells_neither(systemd):
    ServiceManager([NODE]).alive(f"no answer from {NODE}\nMAINPID=1\udcff")
    assert heard(systemd) == [
        "WATCHDOG=1",
        "STATUS=no answer from https://sepolia.infura.io/*** MAINPID=1 ",
    ]


def test_alive__systemd_does_not_read__holds_nothing_up(systemd):
    manager = ServiceManager()
    manager.ready("first")
    # Far more than a socket's queue takes.
    for _ in range(2000):
        manager.alive("waiting")
    assert heard(systemd) == ["READY=1", "STATUS=first"]


@pytest.mark.parametrize("address", ["", "/no/such/socket", "vsock:2:1234", "@"])
def test_service_manager__nobody_listens__does_nothing(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    manager = ServiceManager()
    manager.ready("a")
    manager.alive("b")
    manager.stopping()


def test_service_manager__not_a_service__does_nothing(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ServiceManager().ready("a")


# The unit file


def test_unit__its_command__is_one_of_ours(unit, tmp_path):
    python, *words = shlex.split(unit["Service"]["ExecStart"])
    assert python == f"{unit['Service']['WorkingDirectory']}/.venv/bin/python"
    settings = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": str(tmp_path / "none"),
        "DATABASE_FOLDER": str(tmp_path),
        "HOME": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    # It has no settings, but understands what it is asked for.
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: ")
    assert len(ended.stderr.splitlines()) == 1


def test_unit__what_it_may_write__is_the_folder_of_the_consumers_files(unit):
    service = unit["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"] == f"{service['WorkingDirectory']}/database"


def test_unit__its_step_to_register__leaves_no_file_of_roots(unit):
    user, python = unit["Service"]["User"], ".venv/bin/python -m market register remote"
    assert f"#        sudo -u {user} {python}\n" in UNIT.read_text("utf-8")


def test_unit__its_watchdog__waits_for_several_heartbeats(unit):
    assert unit["Service"]["Type"] == "notify"
    assert int(unit["Service"]["WatchdogSec"]) >= 4 * HEARTBEAT_SECONDS


@pytest.mark.long
def test_unit__systemd_analyze__finds_nothing(tmp_path):
    assert shutil.which("systemd-analyze"), "install systemd, which judges the unit"
    # It looks for the command, which is here.
    (tmp_path / "market").symlink_to(ROOT)
    (tmp_path / "market-python").symlink_to(sys.executable)
    text = UNIT.read_text("utf-8").replace(
        f"{INSTALLED}/.venv/bin/python", str(tmp_path / "market-python")
    )
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(INSTALLED, str(tmp_path / "market")), "utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
