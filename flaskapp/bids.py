"""The form in which the bids are entered."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response
from wtforms import FieldList, Form, FormField, HiddenField, StringField, TextAreaField

from flaskapp.household import the_household
from flaskapp.words import counted, eth, kwh
from market.bidder import MOST_BIDS
from market.bids import Offer
from market.bids_file import ChangedMeanwhileError, Content
from market.errors import MarketError
from market.typed_bids import CheckedBid, TypedBid, check_bids
from market.units import format_eth_per_kwh, format_kwh

blueprint = Blueprint("bids", __name__)

_MOST_ROWS = 2 * MOST_BIDS
_REMOVE = "remove-"


class RowForm(Form):  # type: ignore[misc]
    """A bid as it is typed; what is wrong with it the market says."""

    device = StringField("Device")
    energy = StringField("Energy")
    price = StringField("Price")

    def typed(self) -> TypedBid:
        """Return what was typed."""
        return TypedBid(self.device.data or "", self.energy.data or "", self.price.data or "")


class BidsForm(FlaskForm):  # type: ignore[misc]
    """All bids, and the version of the file that they were made from."""

    version = HiddenField()
    rows = FieldList(FormField(RowForm), max_entries=_MOST_ROWS)

    def typed(self) -> list[TypedBid]:
        """Return the rows as they were typed."""
        return [row.form.typed() for row in self.rows]


class TextForm(FlaskForm):  # type: ignore[misc]
    """The file's own text, to be mended by hand."""

    version = HiddenField()
    text = TextAreaField("The file's text")


@blueprint.get("/bids")
def show() -> str:
    """Show what is in the file."""
    content = the_household().bids_file.read()
    return _page(_in_file(content), content.version, content)


@blueprint.post("/bids")
def change() -> Response | str | tuple[str, int]:
    """Save the bids, or add or remove a row."""
    form = BidsForm()
    content = the_household().bids_file.read()
    if not form.validate_on_submit():
        return _page([TypedBid()], content.version, content), 400
    rows, version, action = form.typed(), form.version.data or "", request.form.get("action", "")
    if action == "add":
        return _page([*rows, TypedBid()], version, content)
    if action.startswith(_REMOVE):
        kept = [row for i, row in enumerate(rows) if f"{_REMOVE}{i}" != action]
        return _page(kept or [TypedBid()], version, content)
    return _save([row for row in rows if not row.is_blank], version, content)


@blueprint.post("/bids/check")
def check() -> Response:
    """Say what is wrong with the rows as they are typed; nothing is saved."""
    checked, problem = check_bids([_from_json(row) for row in _sent_rows()])
    return jsonify(
        rows=[{"problems": one.problems, "earns": _earns(one)} for one in checked],
        problem=problem,
        total=_total(checked),
    )


@blueprint.post("/bids/text")
def mend() -> Response | tuple[str, int]:
    """Save the file's text as it was mended by hand."""
    form = TextForm()
    version, text = form.version.data or "", (form.text.data or "").replace("\r\n", "\n")
    try:
        the_household().bids_file.save_text(text, version)
    except ChangedMeanwhileError as changed:
        now = the_household().bids_file.read()
        return _page(_in_file(now), now.version, now, problem=str(changed), text=text), 409
    except MarketError as problem:
        # Still of the version that it was made from: what is there now, nobody has looked at.
        return _page([TypedBid()], version, Content(version, (), text, str(problem))), 422
    return _saved()


def _sent_rows() -> list[object]:
    """Return the rows in a program's question; it ends here where there are none."""
    try:
        rows = request.get_json()["rows"]
    except (BadRequest, ValueError, RecursionError, LookupError, TypeError):
        rows = None
    if not isinstance(rows, list):
        abort(400, "What was sent does not hold the rows of a form")
    return rows[:_MOST_ROWS]


def _save(rows: list[TypedBid], version: str, content: Content) -> Response | str | tuple[str, int]:
    checked, problem = check_bids(rows)
    offers = [one.offer for one in checked if one.offer]
    if problem or len(offers) < len(rows):
        problem = problem or "Nothing was saved: mend what is marked"
        return _page(rows or [TypedBid()], version, content, checked, problem), 422
    try:
        the_household().bids_file.save(offers, version)
    except ChangedMeanwhileError as changed:
        now = the_household().bids_file.read()
        page = _page(rows, now.version, now, checked, str(changed), conflict=True)
        return page, 409
    except MarketError as trouble:
        return _page(rows, version, content, checked, str(trouble)), 500
    return _saved()


def _saved() -> Response:
    household = the_household()
    number = counted(len(household.bids_file.read().offers), "bid")
    flash(f"Saved: {number} in {household.bids_file.path.name}", "good")
    return redirect(url_for("bids.show"))


def _page(
    rows: Sequence[TypedBid],
    version: str,
    content: Content,
    checked: Sequence[CheckedBid] = (),
    problem: str = "",
    *,
    conflict: bool = False,
    text: str | None = None,
) -> str:
    """Return the page; `text` is a whole file that somebody typed while it was changed."""
    known = checked or [CheckedBid(None)] * len(rows)
    if not checked and not all(row.is_blank for row in rows):
        known = [
            CheckedBid(None) if row.is_blank else one
            for row, one in zip(rows, check_bids(rows)[0], strict=True)
        ]
    return render_template(
        "bids.html",
        form=BidsForm(formdata=None),
        text_form=TextForm(
            formdata=None, version=content.version, text=content.text if text is None else text
        ),
        rows=[*zip(rows, known, map(_earns, known), strict=True)],
        version=version,
        content=content,
        problem=problem,
        conflict=conflict,
        text_conflict=text is not None,
        total=_total(known),
        path=the_household().bids_file.path,
    )


def _in_file(content: Content) -> list[TypedBid]:
    return [_as_typed(offer) for offer in content.offers] or [TypedBid()]


def _as_typed(offer: Offer) -> TypedBid:
    return TypedBid(
        offer.device or "",
        format_kwh(offer.energy_wh),
        format_eth_per_kwh(offer.price_wei_per_wh),
    )


def _from_json(row: object) -> TypedBid:
    fields = row if isinstance(row, dict) else {}
    device, energy, price = (fields.get(name, "") for name in ("device", "energy", "price"))
    return TypedBid(str(device), str(energy), str(price))


def _earns(checked: CheckedBid) -> str:
    """Return what a bid brings, in words; nothing while it is wrong."""
    if not checked.offer:
        return ""
    return f"earns {eth(checked.least_wei)} or more if all of it is accepted"


def _total(checked: Sequence[CheckedBid]) -> str:
    offers = [one.offer for one in checked if one.offer]
    if not offers:
        return ""
    energy = kwh(sum(offer.energy_wh for offer in offers))
    return f"{counted(len(offers), 'bid')}, together up to {energy}"
