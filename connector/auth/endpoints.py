"""Where Entra ID is: the clouds, their authorities, and the addresses of each tenant's endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from connector.auth.aadsts import RefusedByEntra, of_answer
from connector.auth.authority import Authority, Http, UnexpectedAnswer
from connector.auth.clock import ServerClock
from connector.auth.scopes import OPENID_SCOPES
from connector.errors import SettingsError
from connector.spec.model import Cloud


class Endpoints:
    """The addresses, and the one way to each server."""

    def __init__(
        self,
        http: Http,
        clouds: Mapping[str, Cloud],
        templates: Mapping[str, Any],
        clock: ServerClock,
        timeout_seconds: tuple[float, float],
    ) -> None:
        """`templates` by endpoint name, with the places `{authority}` and `{tenant_id}`."""
        self._http = http
        self._clouds = clouds
        self._templates = templates
        self._clock = clock
        self._timeout = timeout_seconds
        self._authorities: dict[str, Authority] = {}

    def cloud(self, name: str) -> Cloud:
        """The cloud of this name. Raises SettingsError."""
        try:
            return self._clouds[name]
        except KeyError:
            known = ", ".join(self._clouds)
            raise SettingsError(
                f"There is no cloud {name!r}; the app's cloud must be one of {known}."
            ) from None

    def authority(self, cloud: str) -> Authority:
        """The login server of a cloud. Raises SettingsError."""
        if cloud not in self._authorities:
            address = self.cloud(cloud).authority
            self._authorities[cloud] = Authority(address, self._http, self._clock, self._timeout)
        return self._authorities[cloud]

    def url(self, endpoint: str, cloud: str, tenant_id: str) -> str:
        """The address of an endpoint (`authorize`, `token`, …) at a tenant."""
        template = str(self._templates[endpoint])
        return template.format(authority=self.authority(cloud).address, tenant_id=tenant_id)

    def published(self, cloud: str, address: str) -> Any:
        """The JSON object at `address`. Raises RefusedByEntra for an error answer, NoAnswer."""
        try:
            return self.authority(cloud).get_json(address)
        except UnexpectedAnswer as unexpected:
            answer = unexpected.response
            refusal = of_answer(answer.status_code, answer.headers, answer.content)
            raise RefusedByEntra(refusal) from None

    def full_names(self, cloud: str, scopes: Iterable[str]) -> tuple[str, ...]:
        """Permissions as URIs below the cloud's Graph host, which every national cloud understands."""
        graph = self.cloud(cloud).graph.rstrip("/")
        return tuple(
            scope if scope in OPENID_SCOPES or urlsplit(scope).scheme else f"{graph}/{scope}"
            for scope in scopes
        )
