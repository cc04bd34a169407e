"""Whatever anybody sends, the answer is one that was meant: never a 500."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.page.forms import PASSWORD, log_in, token, version

_OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_DEEP = "[" * 100_000
_PATHS = (
    *("/", "/bids", "/bids/check", "/bids/text", "/history", "/history.csv", "/events", "/login"),
    *("/logout", "/agent/start", "/agent/stop", "/packages/chart.js", "/static/page.css"),
)
_STORED = ("/bids", "/bids/check", "/bids/text", "/login")

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
_FIELDS = ("action", "csrf_token", "next", "page", "password", "rows", "text", "version")
_ROW_FIELDS = ("device", "energy", "price", "rows-0-energy", "rows--1-price", "rows-9999999999-x")
names = st.sampled_from([*_FIELDS, *_ROW_FIELDS])
numbers = st.sampled_from(["-1", "0", "1e99", "9" * 5000, "٣", "nan", "", "0.0000000000001"])
values = texts | numbers
forms = st.dictionaries(names | texts, values, max_size=6)
headers = st.dictionaries(
    st.sampled_from(["Cookie", "Content-Type", "X-CSRFToken", "Accept", "Range", "Referer"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    | st.sampled_from(["application/json", "multipart/form-data; boundary=x", "bytes=5-2"]),
)
hosts = st.sampled_from(["localhost", "127.0.0.1:x", "[::1", "[", "localhost:99999999", "::1", "@"])
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
)


@_OFTEN
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"]),
    # Where the query begins is said apart.
    path=st.sampled_from(_PATHS) | texts.map(lambda text: f"/{text.replace('?', '%3F')}"),
    query=forms,
    body=st.binary(max_size=60),
    headers=headers,
    host=hosts,
)
def test_route__anything_at_all__is_answered(client, method, path, query, body, headers, host):
    answer = client.open(
        path, method=method, query_string=query, data=body, headers={**headers, "Host": host}
    )
    assert answer.status_code < 500
    answer.close()


@_OFTEN
@given(path=st.sampled_from(_STORED), sent=forms)
@example(path="/bids/text", sent={"text": _DEEP})
@example(path="/bids/text", sent={"text": f'{{"_": {_DEEP}'})
@example(path="/bids", sent={"action": "save", "rows-0-energy": "9" * 5000, "rows-0-price": "1"})
def test_change__any_fields_with_the_token__are_answered(client, path, sent):
    sent = {**sent, "csrf_token": token(client), "version": version(client)}
    assert client.post(path, data=sent).status_code < 500


def check(client, body):
    return client.post(
        "/bids/check",
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": token(client)},
    )


@_OFTEN
@given(document=documents, rows=st.booleans())
def test_check__any_document__is_answered(client, document, rows):
    body = json.dumps({"rows": document} if rows else document)
    assert check(client, body).status_code in (200, 400)


@pytest.mark.parametrize(
    "body", ["", "[]", '{"rows": 5}', b"\xff", "NaN", _DEEP, '{"a":' * 100_000, "9" * 100_000]
)
def test_check__nonsense__is_refused_in_words(client, body):
    answer = check(client, body)
    assert answer.status_code == 400
    assert "does not hold the rows of a form" in answer.text


@pytest.mark.parametrize(
    ("target", "where"),
    [
        ("//[", "/"),
        ("/bids//[", "/"),
        ("http://[::1", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/bids\r\nX: 1", "/"),
        ("/bids\ud800", "/"),
        ("/events", "/"),
        ("/logout", "/"),
        ("/bids", "/bids"),
        ("/history?page=2", "/history?page=2"),
        ("/history?page=2\r\n", "/history?page=2"),
    ],
)
def test_login__any_target__leads_to_a_page_of_ours(guarded, target, where):
    body = {"csrf_token": token(guarded, "/login"), "password": PASSWORD}
    query = {"next": target.encode("utf-8", "surrogatepass")}
    answer = guarded.post("/login", data=body, query_string=query)
    assert (answer.status_code, answer.location) == (302, where)


@_OFTEN
@given(target=values | st.text(st.sampled_from("/\\[]:@?#.%\t\n a"), max_size=12))
def test_login__fuzzed_target__leads_to_a_page_of_ours(guarded, target):
    answer = guarded.get("/login", query_string={"next": target})
    assert answer.status_code == 200
    sent = {"csrf_token": token(guarded, "/login"), "password": PASSWORD}
    answer = guarded.post("/login", data=sent, query_string={"next": target})
    assert answer.location.partition("?")[0] in ("/", "/bids", "/history")
    guarded.post("/logout", data={"csrf_token": token(guarded)})


@_OFTEN
@given(password=values, query=forms)
def test_login__any_password__is_answered(guarded, password, query):
    assert log_in(guarded, password).status_code in (302, 400, 403, 429)
    assert guarded.get("/", query_string=query).status_code in (200, 302)
