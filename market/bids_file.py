"""bids.json as several people may change it: whoever saves says which version it was made from."""

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from market.bids import MAX_BIDS_CHARACTERS, Offer, parse_offers
from market.errors import MarketError
from market.files import read_text, write_whole
from market.store import save_offers

_NO_FILE = "none"


class ChangedMeanwhileError(MarketError):
    """The file is no longer the one that the changes were made to."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is in the file: the bids, or its text and what is wrong with it.

    `version` stands for the text as it is, to the letter.
    """

    version: str
    offers: tuple[Offer, ...] = ()
    text: str = ""
    problem: str = ""
    exists: bool = True


class BidsFile:
    """A bids.json that is shown and saved."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._saving = threading.Lock()

    def read(self) -> Content:
        """Return what is in the file; a file that is missing or broken is no exception."""
        if not self.path.exists():
            return Content(_NO_FILE, exists=False)
        try:
            text = read_text(self.path, "", MAX_BIDS_CHARACTERS + 1)
        except MarketError as problem:
            return Content(self._version_of_bytes(), problem=str(problem))
        version = _version(text.encode())
        try:
            return Content(version, parse_offers(text, self.path.name), text)
        except MarketError as problem:
            return Content(version, (), text, str(problem))

    def save(self, offers: Sequence[Offer], version: str) -> None:
        """Write the offers, whole or not at all.

        ChangedMeanwhileError if the file is not of this version any more.
        """
        with self._saving:
            self._require(version)
            save_offers(self.path, offers, _notes(self.read()))

    def save_text(self, text: str, version: str) -> None:
        """Write the file as somebody mended it by hand; MarketError if it is still wrong.

        ChangedMeanwhileError as with `save`.
        """
        parse_offers(text, self.path.name)
        with self._saving:
            self._require(version)
            write_whole(self.path, text)

    def _require(self, version: str) -> None:
        if self.read().version != version:
            raise ChangedMeanwhileError(
                f"{self.path.name} was changed meanwhile, in another window or by hand: "
                "look at both, then choose"
            )

    def _version_of_bytes(self) -> str:
        try:
            return _version(self.path.read_bytes())
        except OSError:
            return "unreadable"


def _notes(content: Content) -> dict[str, object]:
    """Return what somebody has written into a good file beside the bids."""
    if not content.offers:
        return {}
    document = json.loads(content.text.removeprefix("\ufeff"))
    return {key: note for key, note in document.items() if key.startswith("_")}


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
