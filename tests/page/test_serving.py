"""The page's process: how it starts, refuses to, and ends."""

import os
import pty
import socket
import subprocess
import sys
from uuid import uuid4

import pytest
import requests
from werkzeug.security import check_password_hash

from flaskapp import serving
from market.settings import load_settings
from tests.page.forms import HASH, PASSWORD
from tests.page.server import PageServer
from tests.scripts.ports import free_port
from tests.scripts.processes import ROOT, Finished, environment


@pytest.fixture
def run(tmp_path):
    """Run the page's command to its end, which comes by itself where it is refused."""

    def run(*words, **settings):
        own = {"ENV_FILE": tmp_path / ".env", "DATABASE_FOLDER": tmp_path, **settings}
        done = subprocess.run(
            [sys.executable, "-m", "flaskapp", *words],
            cwd=ROOT,
            env=environment(tmp_path, uuid4().hex, **own),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            start_new_session=True,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def test_start__open_to_the_network_without_a_password__is_refused(run):
    run(PAGE_HOST="0.0.0.0", PAGE_PORT=free_port()).refused_with("takes a password")


def test_start__port_that_is_taken__says_so(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run(PAGE_PORT=port).refused_with(f"cannot be served at 127.0.0.1, port {port}")


def test_start__words_it_does_not_know__shows_how_to(run):
    assert "python -m flaskapp password" in run("everywhere").err


def test_password__no_terminal__says_so(run):
    run("password").refused_with("There is no terminal to type a password at")


def test_password__typed_at_a_terminal__prints_a_line_for_env_and_not_the_password(tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flaskapp", "password"],
        cwd=ROOT,
        env=environment(tmp_path, uuid4().hex, ENV_FILE=tmp_path / ".env"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(theirs)
    shown = _read_until(ours, b"New password of the page: ")
    os.write(ours, f"{PASSWORD}\n".encode())
    shown += _read_until(ours, b"The same again: ")
    os.write(ours, f"{PASSWORD}\n".encode())
    shown += _read_until(ours, b"'\r\n")
    assert process.wait(60) == 0
    os.close(ours)
    line = shown.decode().splitlines()[-1]
    assert PASSWORD not in shown.decode()
    assert check_password_hash(line.removeprefix("PAGE_PASSWORD_HASH='")[:-1], PASSWORD)


def test_stop__while_a_page_is_open__ends_at_once_and_quietly(tmp_path):
    server = PageServer(tmp_path, uuid4().hex, LOCAL_RPC_URL="http://127.0.0.1:9").start()
    stream = requests.get(f"{server.url}/events", stream=True, timeout=60)
    assert next(stream.iter_lines())
    # Which fails where it has to be killed.
    server.interrupt().tells_no_internals().succeeded()
    stream.close()


def test_serve__password_gone_from_env__goes_on_asking_for_it(tmp_path):
    server = PageServer(tmp_path, uuid4().hex, LOCAL_RPC_URL="http://127.0.0.1:9")
    server.env_file.write_text(f"PAGE_PASSWORD_HASH='{HASH}'\n", "utf-8")
    server.start()
    try:
        for left in ("", None):
            server.env_file.unlink() if left is None else server.env_file.write_text(left, "utf-8")
            assert requests.get(server.url, timeout=60).url.startswith(f"{server.url}/login")
    finally:
        server.stop()


def test_settings_from_now_on__asked_often__reads_the_file_when_it_changes(settings, monkeypatch):
    settings.env_file.write_text("POLL_SECONDS=3\n", "utf-8")
    os.utime(settings.env_file, (0, 0))
    read = []
    monkeypatch.setattr(
        serving, "load_settings", lambda path: read.append(1) or load_settings(path)
    )
    now = serving.settings_from_now_on(settings)
    assert {now().poll_seconds for _ in range(10)} == {3.0}
    assert len(read) == 1
    settings.env_file.write_text("POLL_SECONDS=4\n", "utf-8")
    assert now().poll_seconds == 4.0


def _read_until(terminal, end):
    shown = b""
    while end not in shown:
        shown += os.read(terminal, 1024)
    return shown
