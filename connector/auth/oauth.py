"""requests-oauthlib, kept to three acts: the authorize URL, the code exchange, the refresh.

Scopes go with the first only. Entra ID answers with scopes of its own wording, and oauthlib takes a
difference from what was asked for an error. Requests go out through `Authority`; the library's own
session sends nothing. Imported when a token is needed, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests_oauthlib import OAuth2Session

from connector.auth.authority import Authority

PostForm = Callable[[str, Mapping[str, str]], requests.Response]


class OAuthSession(OAuth2Session):
    """`OAuth2Session` whose requests are posted by `post_form`, which also judges the answers."""

    def __init__(
        self,
        client_id: str,
        authority: Authority,
        post_form: PostForm,
        *,
        redirect_uri: str | None = None,
        scopes: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(client_id=client_id, redirect_uri=redirect_uri, scope=scopes)
        self._post_form = post_form
        if authority.is_loopback:
            _allow_http()

    def request(self, method: str, url: str, data: Any = None, **ignored: Any) -> requests.Response:  # type: ignore[override]
        """Post the form; what requests would be told besides is the authority's own business."""
        return self._post_form(url, data)


def _allow_http() -> None:
    """oauthlib refuses plain http by itself; `Authority` has made sure that it is this machine."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
