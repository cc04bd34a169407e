import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from stat import S_IMODE

import pytest

from market.errors import MarketError
from market.files import write_whole

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bids.json"


def mode(path):
    return S_IMODE(path.stat().st_mode)


def names_in(folder):
    return [file.name for file in folder.iterdir()]


def fail_with(code):
    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    return fail


def test_write_whole__before_it_replaces_the_file__has_everything_on_the_disk(path, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    write_whole(path, "twelve bytes")
    assert sizes == [12]


def test_write_whole__not_lasting__waits_for_no_disk(path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail_with(errno.EIO))
    write_whole(path, "new", lasting=False)
    assert path.read_text() == "new"


def test_write_whole__new_file__is_readable_for_all_unless_the_mask_forbids_it(path):
    mask = os.umask(0o027)
    try:
        write_whole(path, "a")
    finally:
        os.umask(mask)
    assert mode(path) == 0o640


def test_write_whole__new_file__has_the_mode_asked_for(path):
    write_whole(path, "a", new_file_mode=0o600)
    assert (path.read_text(), mode(path)) == ("a", 0o600)


def test_write_whole__existing_file__keeps_its_permissions_and_leaves_nothing_else(path):
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "new\r\n", new_file_mode=0o600)
    assert (path.read_bytes(), mode(path)) == (b"new\r\n", 0o640)
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__existing_file__is_given_to_its_owner(path, monkeypatch):
    given_to = []
    monkeypatch.setattr(os, "chown", lambda _path, *owner: given_to.append(owner))
    path.write_text("old")
    write_whole(path, "new")
    assert given_to == [(path.stat().st_uid, path.stat().st_gid)]


def test_write_whole__may_not_change_the_owner__writes_all_the_same(path, monkeypatch):
    monkeypatch.setattr(os, "chown", fail_with(errno.EPERM))
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o640)


def test_write_whole__link__stays_a_link(path, tmp_path):
    target = tmp_path / "elsewhere" / "real.json"
    target.parent.mkdir()
    target.write_text("old")
    path.symlink_to(target)
    write_whole(path, "new")
    assert path.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    ("module", "function", "code"),
    [
        (Path, "touch", errno.EROFS),
        (Path, "touch", errno.EACCES),
        (os, "fsync", errno.ENOSPC),
        (Path, "replace", errno.EIO),
        (Path, "chmod", errno.EIO),
    ],
)
def test_write_whole__system_refuses__keeps_the_old_file_and_no_other(
    path, monkeypatch, module, function, code
):
    path.write_text("old")
    monkeypatch.setattr(module, function, fail_with(code))
    with pytest.raises(MarketError) as problem:
        write_whole(path, "new")
    monkeypatch.undo()
    assert str(problem.value) == (
        f"{path} cannot be written ({os.strerror(code)}): "
        "check the free space, and that you may write in its folder"
    )
    assert path.read_text() == "old"
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__interrupted__keeps_the_old_file_and_no_other(path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    path.write_text("old")
    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert names_in(path.parent) == ["bids.json"]


def test_write_whole__killed_before_the_end__keeps_the_old_file(path):
    path.write_text("old")
    program = (
        "import os, signal, sys, pathlib\n"
        "from market.files import write_whole\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(pathlib.Path(sys.argv[1]), 'new')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, path], cwd=REPOSITORY, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


@pytest.mark.parametrize("folder", ["missing", "bids.json"])
def test_write_whole__no_such_folder__says_so(path, folder):
    path.write_text("a file, not a folder")
    with pytest.raises(MarketError, match=r"cannot be written \((No such file|Not a directory)"):
        write_whole(path.parent / folder / "new.json", "new")


def test_write_whole__path_is_a_folder__says_so(tmp_path):
    folder = tmp_path / "results.json"
    folder.mkdir()
    with pytest.raises(MarketError, match=r"results.json cannot be written \(Is a directory\)"):
        write_whole(folder, "new")
    assert names_in(tmp_path) == ["results.json"]


def test_write_whole__reader_at_the_same_time__sees_one_whole_file_or_the_other(path):
    texts = ["a" * 300_000, "b" * 300_000]
    write_whole(path, texts[0])
    enough = threading.Event()

    def write_in_turn():
        while not enough.is_set():
            for text in texts:
                write_whole(path, text)

    writer = threading.Thread(target=write_in_turn)
    writer.start()
    seen = []
    while len(seen) < 100 or len(set(seen)) < 2:
        seen.append(path.read_text())
    enough.set()
    writer.join()
    assert set(seen) == set(texts)
