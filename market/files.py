"""Files that are read as text and written whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

from market.errors import MarketError


def read_text(path: Path, mend: str, most_characters: int = -1) -> str:
    """Return a UTF-8 file's text, or its beginning, with its line ends as they are.

    MarketError says what is wrong; `mend` is what to do if there is no such file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read(most_characters)
    except FileNotFoundError:
        raise MarketError(f"There is no {path}: {mend}") from None
    except UnicodeDecodeError:
        raise MarketError(f"{path} is not UTF-8 text: save it again as UTF-8") from None
    except OSError as problem:
        raise MarketError(
            f"{path} cannot be read ({problem.strerror}): it must be a file that you may read"
        ) from None


def write_whole(path: Path, text: str, new_file_mode: int = 0o644, *, lasting: bool = True) -> None:
    """Make `text` the content of the file, whole or not at all.

    A link is followed, and an existing file keeps its owner and permissions. MarketError if the
    disk is full or the folder cannot be written; the file is then as it was. What is not `lasting`
    is not waited for: after a power cut the file may be the old one, or empty.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        _write_new(temporary, text, new_file_mode, lasting)
        _imitate(target, temporary)
        temporary.replace(target)
    except OSError as problem:
        raise MarketError(
            f"{path} cannot be written ({problem.strerror}): "
            f"check the free space, and that you may write in its folder"
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _write_new(path: Path, text: str, mode: int, lasting: bool) -> None:
    """Create a file; if it is to be lasting, its content is on the disk when this returns."""
    path.touch(mode, exist_ok=False)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        if lasting:
            os.fsync(file.fileno())


def _imitate(existing: Path, new: Path) -> None:
    """Give the new file the owner and the permissions of the existing one, if there is one."""
    with suppress(FileNotFoundError):
        status = existing.stat()
        # Only root may give files away; for others the owner is the writer anyway.
        with suppress(PermissionError, AttributeError):
            os.chown(new, status.st_uid, status.st_gid)
        new.chmod(S_IMODE(status.st_mode))
