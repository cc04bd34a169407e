"""The first page: the consumer, and the market as it is going on."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response as AnyResponse

from flaskapp.charts import supply_chart
from flaskapp.household import Household, the_app, the_household
from flaskapp.login import is_let_in
from flaskapp.looking import Picture
from market.errors import MarketError
from market.log_tail import last_happenings
from market.settings import Settings

blueprint = Blueprint("home", __name__)

_TICK_S = 1.0
_HAPPENINGS = 12
# What changes while the page is open.
_PARTS = ("agent", "market", "log", "headline", "progress")


@blueprint.get("/")
def show() -> str:
    """Show the consumer and the market."""
    picture = the_household().first_look()
    return render_template("home.html", **_shown(picture, generate_csrf()))


@blueprint.post("/agent/start")
def start() -> AnyResponse:
    """Start the consumer."""
    household = the_household()
    return _act(household, household.agent.start)


@blueprint.post("/agent/stop")
def stop() -> AnyResponse:
    """Stop the consumer."""
    household = the_household()
    return _act(household, household.agent.stop)


@blueprint.get("/events")
def events() -> Response:
    """Tell whatever changes, as long as the page is open (server-sent events)."""
    household = the_household()
    if not household.streams.acquire(blocking=False):
        abort(503)
    watching = _Watching(the_app(), household, request.environ, generate_csrf())
    response = Response(watching.stream(), mimetype="text/event-stream")
    # Here and not in the stream, which does not begin if the browser is gone already.
    response.call_on_close(household.streams.release)
    return response


def _act(household: Household, act: Callable[[Settings], None]) -> AnyResponse:
    try:
        act(household.settings())
    except MarketError as problem:
        flash(str(problem), "bad")
    return redirect(url_for("home.show"))


@dataclass(frozen=True, slots=True)
class _Watching:
    """An open page, which hears of what changes."""

    app: Flask
    household: Household
    environ: dict[str, Any]
    csrf: str

    def stream(self) -> Iterator[str]:
        """Yield an event for every change, and one a second as a sign of life."""
        gone = self.environ.get("waitress.client_disconnected", lambda: False)
        watcher = self.household.watcher
        version, told = 0, ""
        while not watcher.closed and not gone():
            version, picture = watcher.newest(version, _TICK_S)
            parts = self._parts(picture)
            if parts is None:
                return
            if parts != told:
                told = parts
                yield f"event: picture\ndata: {parts}\n\n"
            yield f"event: clocks\ndata: {json.dumps(_clocks(picture))}\n\n"

    def _parts(self, picture: Picture | None) -> str | None:
        """Return the parts of the page as they are now; None for who is let in no longer."""
        # Not for the whole stream: what belongs to a request is not made to live for days.
        with self.app.request_context(self.environ):
            if not is_let_in():
                return None
            shown = _shown(picture, self.csrf)
            parts = {name: render_template(f"_{name}.html", **shown).strip() for name in _PARTS}
        view = picture.view if picture else None
        return json.dumps(
            {
                **parts,
                # Read anew, and not of the last look: who has just saved must not be told of it.
                "bids_version": self.household.bids_file.read().version,
                "ended": len(view.past) if view else 0,
                # For a page that was opened before its reader logged in again.
                "csrf": self.csrf,
            }
        )


def _shown(picture: Picture | None, csrf: str) -> dict[str, object]:
    household = the_household()
    settings = household.settings()
    view = picture.view if picture else None
    rounds = view.rounds if view else ()
    return {
        "csrf": csrf,
        "picture": picture,
        # Not part of the picture: a node that keeps it waiting says nothing about the consumer.
        "agent": household.agent.look(settings),
        "happenings": last_happenings(settings.log_file, _HAPPENINGS),
        "view": view,
        "settings_problem": household.settings.problem,
        "settings": settings,
        "content": household.bids_file.read(),
        "remote": household.agent.remote,
        "charts": {r.request.request_id: supply_chart(r.supply) for r in rounds if r.supply},
    }


def _clocks(picture: Picture | None) -> dict[str, object]:
    """Return the block, and of each open request the seconds left and those it is open for."""
    view = picture.view if picture else None
    if view is None:
        return {"block": None, "rounds": {}}
    rounds = {
        known.request.request_id: [known.left_s, known.open_for_s]
        for known in view.rounds
        if known.gate_is_open
    }
    return {"block": view.head.number, "rounds": rounds}
