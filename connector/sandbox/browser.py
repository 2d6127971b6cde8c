"""A person in front of the sandbox's pages, as a program: signs in and consents by filling in the real forms.

For tours and tests that have no browser. It reads the HTML as any client would and knows nothing of the
sandbox but its address and the names of the fields that a person fills in.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

_MAX_PAGES = 12


class Stopped(Exception):
    """The pages end without going back to the app; `text` is what the last one says."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass
class Form:
    """One form of a page: where it goes, what it holds, and its buttons with a name."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._quiet = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self._quiet = tag in ("style", "title")
        if tag == "form":
            self.forms.append(Form(known.get("action", "")))
        elif self.forms and tag in ("input", "button") and "name" in known:
            form, name, kind = self.forms[-1], known["name"], known.get("type", "text")
            if tag == "button":
                form.buttons.append((name, known.get("value", "")))
            elif kind == "hidden" or (kind == "checkbox" and "checked" in known):
                form.fields.append((name, known.get("value", "on")))
            else:
                form.inputs.append(name)

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.words += data.split()


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *ignored: Any) -> None:
        return None


class Browser:
    """Keeps its cookies from page to page. `ca` is the PEM file of the sandbox's authority, for TLS."""

    def __init__(self, ca: str | None = None) -> None:
        tls = HTTPSHandler(context=ssl.create_default_context(cafile=ca)) if ca else HTTPSHandler()
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), _StayHere, tls)

    def visit(
        self,
        url: str,
        *,
        account: str,
        password: str,
        accept: bool = True,
        everyone: bool = False,
        code: str = "",
    ) -> str:
        """Opens `url`, fills in what is asked, and gives the address at the app to which it leads back.

        Raises Stopped when a page is the end: an error, an approval that is needed, or the last page of a
        device sign-in (`code` is what the device shows).
        """
        answers = {"login": account, "passwd": password, "user_code": code}
        origin = urlsplit(url)[:2]
        request = Request(url)
        for _ in range(_MAX_PAGES):
            status, location, html = self._open(request)
            if location is not None:
                target = urljoin(request.full_url, location)
                if urlsplit(target)[:2] != origin or status not in (302, 303) or "code=" in target:
                    return target
                request = Request(target)
                continue
            page = _Page(html)
            if not page.forms or status >= 400:
                raise Stopped(" ".join(page.words))
            request = self._filled(page, request.full_url, answers, accept, everyone)
        raise Stopped("The pages go round in circles.")

    def _open(self, request: Request) -> tuple[int, str | None, str]:
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, None, answer.read().decode()
        except HTTPError as answer:
            with answer:
                return answer.code, answer.headers.get("Location"), answer.read().decode()

    def _filled(
        self, page: _Page, url: str, answers: dict[str, str], accept: bool, everyone: bool
    ) -> Request:
        form = page.forms[0]
        fields = list(form.fields)
        fields += [(name, answers[name]) for name in form.inputs if answers.get(name)]
        if form.buttons:
            fields.append(next(button for button in form.buttons if (button[1] == "accept") is accept))
        if everyone and "everyone" in form.inputs:
            fields.append(("everyone", "on"))
        return Request(urljoin(url, form.action), data=urlencode(fields).encode())
