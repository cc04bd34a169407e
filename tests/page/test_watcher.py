from itertools import count
from threading import Event
from time import sleep

from flaskapp import watcher as watcher_module
from flaskapp.watcher import Watcher

_SOON_S = 10


def test_newest__nobody_has_asked__nothing_is_looked_at():
    looked = Event()
    Watcher(looked.set)
    assert not looked.is_set()


def test_newest__asked__waits_for_the_first_look():
    watcher = Watcher(lambda: "seen", every_s=60)
    assert watcher.newest(timeout_s=_SOON_S) == (1, "seen")
    watcher.close()


def test_newest__nothing_changes__is_the_same_number():
    looks = count()
    watcher = Watcher(lambda: next(looks) < 0, every_s=0.001)
    assert watcher.newest(0, _SOON_S) == (1, False)
    assert watcher.newest(1, 0.05) == (1, False)
    watcher.close()


def test_newest__something_changes__is_told_at_once():
    looks = count()
    watcher = Watcher(lambda: next(looks), every_s=0.001)
    first, _ = watcher.newest(0, _SOON_S)
    later, seen = watcher.newest(first, _SOON_S)
    assert later > first
    assert seen >= 1
    watcher.close()


def test_close__who_waits__is_let_go():
    watcher = Watcher(lambda: "seen", every_s=3600)
    watcher.newest(0, _SOON_S)
    watcher.close()
    assert watcher.newest(1, 3600) == (1, "seen")


def test_newest__asked_again_after_a_rest__is_no_picture_of_before(monkeypatch):
    monkeypatch.setattr(watcher_module, "_UNWATCHED_S", 0.0)
    looks = count()
    watcher = Watcher(lambda: next(looks), every_s=0.001)
    first, seen = watcher.newest(0, _SOON_S)
    while watcher.is_looking:
        sleep(0.001)
    later, now = watcher.newest(0, _SOON_S)
    assert later > first
    assert now > seen
    watcher.close()


def test_newest__asked_while_it_goes_to_rest__is_looked_for_all_the_same(monkeypatch):
    monkeypatch.setattr(watcher_module, "_UNWATCHED_S", 0.0)
    watcher = Watcher(lambda: "seen", every_s=0)
    for _ in range(300):
        assert watcher.newest(0, _SOON_S)[1] == "seen"
    watcher.close()
