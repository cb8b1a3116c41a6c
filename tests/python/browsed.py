#!/usr/bin/env python3
"""A real browser in the shop: Chromium opens every page, signs in and gives its consent to an application.

    BASE_URL=http://127.0.0.1:8080 CUSTOMER_PASSWORD=… python3 tests/python/browsed.py

Fails where a page does not show what it is for, loads anything from elsewhere, or writes an error into its console. Needs
Debian's chromium and chromium-driver, and no package of Python's.
"""

import base64
import hashlib
import http.server
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

BASE_URL = os.environ["BASE_URL"]
DEADLINE_S = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# The pages, and what stands there only when their scripts have read the API document.
DOCUMENTATION = {
    "/docs": ".opblock-summary",
    "/api/schema/swagger-ui/": ".opblock-summary",
    "/redoc": "[data-section-id^='tag/']",
    "/api/schema/redoc/": "[data-section-id^='tag/']",
}


def expect(what, holds, *seen):
    if not holds:
        sys.exit(f"NOT KEPT: {what}: {seen}")
    print(f"ok  {what}", flush=True)


def send(method, url, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    head = {"content-type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, data, head, method=method), timeout=DEADLINE_S) as answer:
        return json.load(answer)


class Browser:
    """Chromium by way of its driver (W3C WebDriver), with a profile of its own."""

    def __init__(self, folder):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        started = next(line for line in self.driver.stdout if "started successfully on port" in line)
        self.base = f"http://127.0.0.1:{started.rsplit(' ', 1)[1].strip().rstrip('.')}"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        arguments += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
        wish = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        windows = f"{self.base}/session"  # of a browser
        made = send("POST", windows, {"capabilities": {"alwaysMatch": wish}})
        self.window = f"{windows}/{made['value']['sessionId']}"

    def ask(self, method, path, body=None):
        return send(method, f"{self.window}{path}", body)["value"]

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def all(self, selector):
        found = self.ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [element[ELEMENT] for element in found]

    def wait_for(self, selector):
        """The first such element, as soon as there is one."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if found := self.all(selector):
                return found[0]
            time.sleep(0.1)
        text = self.ask("GET", f"/element/{self.all('body')[0]}/text")
        sys.exit(f"NOT KEPT: {selector} appears at {self.address()}: {text[:500]}")

    def fill(self, selector, text):
        self.ask("POST", f"/element/{self.wait_for(selector)}/value", {"text": text})

    def click(self, selector):
        self.ask("POST", f"/element/{self.wait_for(selector)}/click", {})

    def address(self):
        return self.ask("GET", "/url")

    def complaints(self):
        return [line["message"] for line in self.ask("POST", "/se/log", {"type": "browser"}) if line["level"] == "SEVERE"]

    def loaded(self):
        """Every address that was asked for since the last look."""
        messages = [json.loads(line["message"])["message"] for line in self.ask("POST", "/se/log", {"type": "performance"})]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return {request["request"]["url"] for request in sent}

    def close(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(DEADLINE_S)


class Application(http.server.BaseHTTPRequestHandler):
    """Where the application waits for the browser to come back."""

    came_back = []

    def do_GET(self):
        self.came_back.append(self.path)
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel='icon' href='data:,'><p id='back'>Thank you.</p>")

    def log_message(self, *_):
        pass


def nothing_odd(browser, where, *others):
    """Nothing was loaded from elsewhere, and nothing failed."""
    allowed = (BASE_URL + "/", "data:", "blob:", "chrome:", "about:", *others)
    elsewhere = sorted(url for url in browser.loaded() if not url.startswith(allowed))
    expect(f"{where} loads nothing from elsewhere", not elsewhere, elsewhere)
    complaints = browser.complaints()
    expect(f"{where} complains of nothing", not complaints, complaints)


def reads_the_documentation(browser):
    for path, sign in DOCUMENTATION.items():
        browser.open(BASE_URL + path)
        browser.wait_for(sign)
        shown = len(browser.all(sign))
        expect(f"{path} shows the API", shown >= 10, shown)
        nothing_odd(browser, path)


def lets_an_application_in(browser, callback):
    sign_in = {"username": "customer", "password": os.environ["CUSTOMER_PASSWORD"]}
    token = send("POST", f"{BASE_URL}/api/v1/auth/token", sign_in)["access_token"]
    wish = {"client_name": "Book club", "redirect_uris": [callback], "scope": "items:read orders:read"}
    wish["token_endpoint_auth_method"] = "none"
    application = send("POST", f"{BASE_URL}/o/applications/", wish, authorization=f"Bearer {token}")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    question = {"response_type": "code", "client_id": application["client_id"], "redirect_uri": callback}
    question |= {"scope": "items:read orders:read", "state": "x y", "code_challenge": challenge}
    question["code_challenge_method"] = "S256"

    browser.open(f"{BASE_URL}/o/authorize/?{urllib.parse.urlencode(question)}")
    browser.fill("input[name=username]", sign_in["username"])
    browser.fill("input[name=password]", "a wrong password")
    browser.click("main button, form button")
    browser.wait_for("[role=alert], .error, .refused")
    # A refused sign-in is 403, which the browser notes.
    complaints = browser.complaints()
    expect("a wrong password is refused on the page", len(complaints) == 1 and "403" in complaints[0], complaints)
    browser.fill("input[name=password]", sign_in["password"])
    if not browser.ask("GET", f"/element/{browser.wait_for('input[name=username]')}/property/value"):
        browser.fill("input[name=username]", sign_in["username"])
    browser.click("main button, form button")
    browser.wait_for("button[name=decision][value=allow]")
    nothing_odd(browser, "signing in")
    browser.click("button[name=decision][value=allow]")
    browser.wait_for("#back")
    nothing_odd(browser, "giving consent", callback)
    back = urllib.parse.parse_qs(urllib.parse.urlsplit(Application.came_back[-1]).query)
    expect("the browser comes back with a code and the state", back.get("state") == ["x y"] and "code" in back, back)
    tokens = redeemed(back["code"][0], application["client_id"], callback, verifier)
    expect("the code is worth a token", tokens["scope"].split() == ["items:read", "orders:read"], tokens.get("scope"))


def redeemed(code, client_id, callback, verifier):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "client_id": client_id}
    body = urllib.parse.urlencode(form | {"code_verifier": verifier}).encode()
    with urllib.request.urlopen(f"{BASE_URL}/o/token/", body, timeout=DEADLINE_S) as answer:
        return json.load(answer)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="lastcopy-browser-", ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            reads_the_documentation(browser)
            lets_an_application_in(browser, f"http://127.0.0.1:{server.server_port}/callback")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
