"""The password, where one is set: asked for once a session, and not as often as one likes."""

import hashlib
import hmac
import threading
from collections import defaultdict, deque
from time import monotonic
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf import FlaskForm
from werkzeug.security import check_password_hash
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import InputRequired

from flaskapp.household import the_household

blueprint = Blueprint("login", __name__)

_OPEN_TO_ALL = ("login.show", "login.enter", "static", "assets.package")
_NO_PAGE = ("home.events", "bids.check")
_PAGES = ("home.show", "bids.show", "history.show")
_WITHIN_S = 60.0
_TRIES, _TRIES_OF_ALL = 5, 30


class LoginForm(FlaskForm):  # type: ignore[misc]
    """The question."""

    password = PasswordField("Password", [InputRequired("Type the password")])


class Tries:
    """Counts the tries of the last minute that were not right, by address and together."""

    def __init__(self) -> None:
        self._tried: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def take(self, address: str) -> float:
        """Return how long an address has to wait before its next try; 0 counts as one try.

        It counts before the password is looked at, as many may be tried at once.
        """
        now_s = monotonic()
        with self._lock:
            self._forget(now_s - _WITHIN_S)
            mine = self._tried.get(address, deque())
            every = sorted(time for times in self._tried.values() for time in times)
            too_many = [
                times[-most]
                for times, most in ((mine, _TRIES), (every, _TRIES_OF_ALL))
                if len(times) >= most
            ]
            if not too_many:
                self._tried[address].append(now_s)
        return max((time + _WITHIN_S - now_s for time in too_many), default=0.0)

    def give_back(self, address: str) -> None:
        """Count a try no longer: it was the right password."""
        with self._lock:
            if self._tried.get(address):
                self._tried[address].pop()

    def _forget(self, before_s: float) -> None:
        for address, times in [*self._tried.items()]:
            while times and times[0] < before_s:
                times.popleft()
            if not times:
                del self._tried[address]


def add_login(app: Flask) -> None:
    """Let nobody in without the password, where there is one."""
    app.register_blueprint(blueprint)
    app.extensions["tries"] = Tries()

    @app.before_request
    def require_login() -> Response | None:
        if request.endpoint in _OPEN_TO_ALL or is_let_in():
            return None
        if request.endpoint in _NO_PAGE or request.method != "GET":
            abort(401)
        return redirect(url_for("login.show", next=request.full_path.rstrip("?")))

    @app.context_processor
    def tell_templates() -> dict[str, object]:
        let_in = is_let_in()
        return {"let_in": let_in, "may_log_out": let_in and bool(_password_hash())}


def is_let_in() -> bool:
    """Return whether there is no password, or this session has given the one that holds now."""
    given = str(session.get("login", ""))
    return not _password_hash() or hmac.compare_digest(given, _mark())


@blueprint.get("/login")
def show() -> Response | str:
    """Ask for the password."""
    if not _password_hash():
        return redirect(url_for("home.show"))
    return render_template("login.html", form=LoginForm())


@blueprint.post("/login")
def enter() -> Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]:
    """Let in whoever types the password."""
    tries: Tries = _tries()
    address = request.remote_addr or ""
    form = LoginForm()
    if not form.validate_on_submit():
        return render_template("login.html", form=form), 400
    if (wait_s := tries.take(address)) > 0:
        text = f"Too many wrong passwords: try again in {int(wait_s) + 1} s"
        page = render_template("login.html", form=form, problem=text)
        return page, 429, {"Retry-After": str(int(wait_s) + 1)}
    if not check_password_hash(_password_hash(), form.password.data):
        return render_template("login.html", form=form, problem="The password is wrong"), 403
    tries.give_back(address)
    session.clear()
    session["login"] = _mark()
    session.permanent = True
    return redirect(_target(request.args.get("next", "")))


@blueprint.post("/logout")
def leave() -> Response:
    """Forget that the password was given."""
    session.clear()
    return redirect(url_for("login.show"))


def _tries() -> Tries:
    tries: Tries = current_app.extensions["tries"]
    return tries


def _password_hash() -> str:
    return the_household().settings().page_password_hash.get_secret_value()


def _mark() -> str:
    """Return what a session keeps: with another password, all have to log in again."""
    return hashlib.sha256(f"login {_password_hash()}".encode()).hexdigest()


def _target(written: str) -> str:
    """Return where to go on: one of the pages that can be opened, whatever the address says."""
    try:
        parts = urlsplit(written)
    except ValueError:
        return url_for("home.show")
    foreign = parts.scheme or parts.netloc
    if foreign or parts.path not in [url_for(page) for page in _PAGES]:
        return url_for("home.show")
    query = urlencode(parse_qsl(parts.query))
    return f"{parts.path}?{query}" if query else parts.path
