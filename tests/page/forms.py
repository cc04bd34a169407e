"""The page's forms, as a client without a browser sends them."""

import re

from werkzeug.security import generate_password_hash

PASSWORD = "correct horse battery"
HASH = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000")
PAGES = ("/", "/bids", "/history")


def token(client, path="/bids"):
    return re.search(r'csrf-token" content="([^"]+)', client.get(path).text)[1]


def version(client):
    return version_in(client.get("/bids"))


def version_in(answer):
    return versions_in(answer)[0]


def versions_in(answer):
    """Return the version of the file that each form of a page was made from."""
    return re.findall(r'name="version"(?: type="hidden")? value="([^"]*)', answer.text)


def row(number, device, energy, price):
    values = {"device": device, "energy": energy, "price": price}
    return {f"rows-{number}-{name}": value for name, value in values.items()}


def save(client, *rows, **more):
    form = {"csrf_token": token(client), "version": version(client), "action": "save", **more}
    for number, written in enumerate(rows):
        form.update(row(number, *written))
    return client.post("/bids", data=form)


def log_in(client, password, path="/login"):
    return client.post(path, data={"csrf_token": token(client, "/login"), "password": password})
