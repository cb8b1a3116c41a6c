#!/usr/bin/env python3
"""PyPI's authlib, which nobody here wrote, as a client of the shop's OAuth2: does what we built keep to the RFCs?

    python3 tests/python/oauth_flows.py PATH-OF-LASTCOPY

Starts a shop on free ports in a folder of its own and stops it. The first promise that is not kept ends the run with
its name. Needs requirements.txt beside this file; scripts/test sees to that.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

# The shop of this test is on this machine only; authlib asks for https everywhere else.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests  # noqa: E402
from authlib.common.security import generate_token  # noqa: E402
from authlib.integrations.base_client.errors import OAuthError  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url  # noqa: E402

CALLBACK = "http://127.0.0.1:9/callback"
DEADLINE_S = 20


class Shop:
    """A shop that runs: where, and the passwords that its first start made up."""

    def __init__(self, lines):
        words = [line.split() for line in lines]
        self.url = next(line[1] for line in words if line[0] == "ready")
        self.passwords = {line[1]: line[2] for line in words if line[0] == "account"}

    def sign_in(self, name):
        answer = requests.post(
            f"{self.url}/api/v1/auth/token",
            json={"username": name, "password": self.passwords[name]},
            timeout=DEADLINE_S,
        )
        answer.raise_for_status()
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    def register(self, owner, **wish):
        answer = requests.post(
            f"{self.url}/o/applications/", json=wish, headers=self.sign_in(owner), timeout=DEADLINE_S
        )
        answer.raise_for_status()
        return answer.json()


@contextmanager
def shop(binary):
    ports = ["--port=0", "--catalog-port=0", "--order-port=0", "--delivery-port=0", "--payments-port=0"]
    with tempfile.TemporaryDirectory(prefix="lastcopy-oauth-") as folder:
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen(
                [os.path.abspath(binary), "up", *ports], cwd=folder, env={}, stdout=subprocess.PIPE, stderr=log, text=True
            )
            try:
                lines = []
                for line in process.stdout:
                    lines.append(line)
                    if line.startswith("ready "):
                        break
                else:
                    with open(os.path.join(folder, "log"), encoding="utf-8") as text:
                        sys.exit(f"the shop did not start:\n{text.read()}")
                yield Shop(lines)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(DEADLINE_S)


class Form(HTMLParser):
    """The first form of a page: where it goes, and what is filled in already."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.done = self.action is not None
            self.action = self.action or attrs["action"]
        elif tag == "input" and not self.done:
            self.fields[attrs["name"]] = attrs.get("value", "")


class Person:
    """Somebody at a browser."""

    def __init__(self, shop, name):
        self.shop, self.name, self.browser = shop, name, requests.Session()

    def submit(self, page, **filled_in):
        form = Form(page.text)
        return self.browser.post(
            urljoin(page.url, form.action),
            data={**form.fields, **filled_in},
            headers={"origin": self.shop.url},
            allow_redirects=False,
            timeout=DEADLINE_S,
        )

    def lets_in(self, address):
        """Signs in where asked to, and agrees: the address to which the browser is sent back."""
        page = self.browser.get(address, timeout=DEADLINE_S)
        if 'name="password"' in page.text:
            signed_in = self.submit(page, username=self.name, password=self.shop.passwords[self.name])
            page = self.browser.get(urljoin(page.url, signed_in.headers["location"]), timeout=DEADLINE_S)
        answer = self.submit(page, decision="allow")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]


def refused(error, call):
    """The call is refused with this error of RFC 6749."""
    try:
        call()
    except OAuthError as refusal:
        assert refusal.error == error, f"{refusal.error} instead of {error}: {refusal.description}"
        return
    raise AssertionError(f"taken, where it should be refused as {error}")


def is_known(shop, client):
    """Whether its token lets a client in. A client is not its user: what is his alone, it is refused by name."""
    status = client.get(f"{shop.url}/api/v1/auth/me").status_code
    assert status in (401, 403), status
    return status == 403


def metadata_is_found_where_authlib_looks_for_it(shop, _):
    found = requests.get(get_well_known_url(shop.url, external=True), timeout=DEADLINE_S)
    assert found.status_code == 200, found.text
    metadata = AuthorizationServerMetadata(found.json())
    # authlib's own rules want https, which a shop on this machine does not have.
    secure = AuthorizationServerMetadata(
        {k: v.replace("http://", "https://") if isinstance(v, str) else v for k, v in metadata.items()}
    )
    secure.validate()
    assert metadata["issuer"] == shop.url
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    return metadata


def client_of(shop, metadata, app, **more):
    confidential = app.get("client_secret") is not None
    return OAuth2Session(
        app["client_id"],
        app.get("client_secret"),
        token_endpoint_auth_method="client_secret_basic" if confidential else "none",
        token_endpoint=metadata["token_endpoint"],
        revocation_endpoint_auth_method="client_secret_basic" if confidential else "none",
        redirect_uri=CALLBACK,
        default_timeout=DEADLINE_S,
        **more,
    )


def tokens_by_code(shop, metadata, client):
    verifier = generate_token(64)
    address, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    back = Person(shop, "customer").lets_in(address)
    query = parse_qs(urlsplit(back).query)
    assert query["state"] == [state] and query["iss"] == [shop.url], back
    token = client.fetch_token(metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier)
    return token, back, verifier


def a_person_lets_an_application_in_by_code_and_pkce(shop, metadata):
    for method in ["client_secret_basic", "none"]:
        app = shop.register(
            "customer",
            client_name="Book club",
            redirect_uris=[CALLBACK],
            scope="items:read orders:read",
            token_endpoint_auth_method=method,
        )
        client = client_of(shop, metadata, app, scope="items:read orders:read", code_challenge_method="S256")
        token, back, verifier = tokens_by_code(shop, metadata, client)
        assert token["token_type"] == "Bearer" and set(token["scope"].split()) == {"items:read", "orders:read"}
        assert is_known(shop, client)
        again = client_of(shop, metadata, app)
        refused(
            "invalid_grant",
            lambda: again.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier),
        )
        assert not is_known(shop, client), "a code used twice ends its family"


def a_code_without_its_verifier_is_worth_nothing(shop, metadata):
    app = shop.register("customer", client_name="Thief", redirect_uris=[CALLBACK], scope="items:read")
    client = client_of(shop, metadata, app, scope="items:read", code_challenge_method="S256")
    address, _ = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=generate_token(64))
    back = Person(shop, "customer").lets_in(address)
    refused(
        "invalid_grant",
        lambda: client.fetch_token(
            metadata["token_endpoint"], authorization_response=back, code_verifier=generate_token(64)
        ),
    )


def a_refresh_rotates_and_a_second_use_ends_the_family(shop, metadata):
    app = shop.register("customer", client_name="Reader", redirect_uris=[CALLBACK], scope="items:read")
    client = client_of(shop, metadata, app, scope="items:read", code_challenge_method="S256")
    first, _, _ = tokens_by_code(shop, metadata, client)
    stale = first["refresh_token"]
    second = client.refresh_token(metadata["token_endpoint"], refresh_token=stale)
    assert second["refresh_token"] != stale
    assert is_known(shop, client)
    refused("invalid_grant", lambda: client.refresh_token(metadata["token_endpoint"], refresh_token=stale))
    refused(
        "invalid_grant",
        lambda: client.refresh_token(metadata["token_endpoint"], refresh_token=second["refresh_token"]),
    )


def a_program_acts_for_itself(shop, metadata):
    app = shop.register(
        "employee", client_name="Night job", redirect_uris=[], grant_types=["client_credentials"], scope="items:read stock:read"
    )
    client = client_of(shop, metadata, app, scope="stock:read")
    token = client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "stock:read" and "refresh_token" not in token, token
    assert is_known(shop, client)
    wrong = client_of(shop, metadata, {**app, "client_secret": "lcs_wrong"})
    refused("invalid_client", lambda: wrong.fetch_token(metadata["token_endpoint"], grant_type="client_credentials"))


def a_token_is_told_about_until_it_is_revoked(shop, metadata):
    app = shop.register("customer", client_name="Shelf", redirect_uris=[CALLBACK], scope="items:read")
    client = client_of(shop, metadata, app, scope="items:read", code_challenge_method="S256")
    token, _, _ = tokens_by_code(shop, metadata, client)

    def look(name):
        return client.introspect_token(metadata["introspection_endpoint"], token=token[name]).json()

    told = look("access_token")
    assert told["active"] and told["client_id"] == app["client_id"] and told["scope"] == "items:read", told
    assert look("refresh_token")["active"]
    revoked = client.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"])
    assert revoked.status_code == 200, revoked.text
    assert look("access_token") == {"active": False} and look("refresh_token") == {"active": False}
    assert not is_known(shop, client)
    assert client.revoke_token(metadata["revocation_endpoint"], token="never was one").status_code == 200


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with shop(sys.argv[1]) as running:
        metadata = None
        for promise in [
            metadata_is_found_where_authlib_looks_for_it,
            a_person_lets_an_application_in_by_code_and_pkce,
            a_code_without_its_verifier_is_worth_nothing,
            a_refresh_rotates_and_a_second_use_ends_the_family,
            a_program_acts_for_itself,
            a_token_is_told_about_until_it_is_revoked,
        ]:
            metadata = promise(running, metadata) or metadata
            print(f"kept: {promise.__name__}")


if __name__ == "__main__":
    main()
