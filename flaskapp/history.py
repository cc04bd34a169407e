"""Past rounds: a table, what they add up to, and a file for a spreadsheet."""

from flask import Blueprint, Response, render_template, request

from flaskapp.charts import earnings_chart
from flaskapp.household import the_household
from flaskapp.looking import Picture
from market.history import History, load_history
from market.history_csv import as_csv
from market.memory import MEMORY_FILE

blueprint = Blueprint("history", __name__)

_ON_A_PAGE = 50


@blueprint.get("/history")
def show() -> str:
    """Show past rounds, the newest first."""
    picture = the_household().first_look()
    history = _history(picture)
    page = max(1, request.args.get("page", 1, type=int))
    first = (page - 1) * _ON_A_PAGE
    return render_template(
        "history.html",
        history=history,
        rounds=history.rounds[first : first + _ON_A_PAGE],
        page=page,
        pages=max(1, -(-len(history.rounds) // _ON_A_PAGE)),
        chart=earnings_chart(history.rounds),
        picture=picture,
        view=picture.view if picture else None,
    )


@blueprint.get("/history.csv")
def download() -> Response:
    """Hand the whole history out as a file."""
    return Response(
        as_csv(_history(the_household().first_look()).rounds),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="history.csv"'},
    )


def _history(picture: Picture | None) -> History:
    memory_file = the_household().settings().database_folder / MEMORY_FILE
    view = picture.view if picture else None
    if view is None:
        return load_history(memory_file)
    return load_history(memory_file, (view.chain, view.contract), view.past)
