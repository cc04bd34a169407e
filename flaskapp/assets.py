"""What the page uses of the installed packages, file by file: nothing comes from another host."""

from pathlib import Path

from flask import Blueprint, Response, abort, send_file

blueprint = Blueprint("assets", __name__)

_PACKAGES = Path(__file__).resolve().parents[1] / "node_modules"
_FILES = {"chart.js": _PACKAGES / "chart.js" / "dist" / "chart.umd.min.js"}
_DAY_S = 86_400


@blueprint.get("/packages/<name>")
def package(name: str) -> Response:
    """Hand out a file that is on the list."""
    path = _FILES.get(name)
    if path is None or not path.is_file():
        abort(404)
    return send_file(path, mimetype="text/javascript", max_age=_DAY_S)
