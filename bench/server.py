"""A stand-in for Graph that costs next to nothing: prepared answers over HTTP/1.1, one thread a connection.

Run as a process of its own, so that its work is not counted as the client's: `python server.py PORT_FILE`.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
from pathlib import Path

USERS = 10_000
PAGE = 999


def user(number: int) -> dict[str, object]:
    """About 0.9 KB, as Graph gives out a user with the usual properties."""
    name = f"Person{number:05d} Example"
    address = f"person{number}@contoso.example"
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "displayName": name,
        "givenName": f"Person{number:05d}",
        "surname": "Example",
        "userPrincipalName": address,
        "mail": address,
        "jobTitle": "Senior Example Officer",
        "businessPhones": ["+1 425 555 0100"],
        "mobilePhone": "+1 425 555 0101",
        "officeLocation": "18/2111",
        "preferredLanguage": "en-US",
        "department": "Examples",
        "companyName": "Contoso",
        "city": "Redmond",
        "country": "United States",
        "accountEnabled": True,
        "createdDateTime": "2024-05-04T09:00:00Z",
        "proxyAddresses": [f"SMTP:{address}", f"smtp:p{number}@contoso.example"],
        "employeeId": str(number),
        "usageLocation": "US",
        "userType": "Member",
        "postalCode": "98052",
        "streetAddress": "1 Example Way",
        "state": "WA",
        "otherMails": [],
        "imAddresses": [f"sip:p{number}@contoso.example"],
    }


def pages(base: str) -> dict[str, bytes]:
    """The listing of all users, page by page, and one user."""
    found = {}
    for start in range(0, USERS, PAGE):
        body: dict[str, object] = {"value": [user(n) for n in range(start, min(start + PAGE, USERS))]}
        if start + PAGE < USERS:
            body["@odata.nextLink"] = f"{base}/v1.0/users?$skiptoken={start + PAGE}"
        found[f"/v1.0/users?{start}"] = json.dumps(body).encode()
    found["/v1.0/me"] = json.dumps(user(1)).encode()
    return found


class Handler(socketserver.StreamRequestHandler):
    """Reads a request's head, throws its body away, answers from memory."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            path = line.split()[1].decode()
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            self._discard(length)
            body = self.server.bodies[key_of(path)]  # type: ignore[attr-defined]
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            )

    def _discard(self, length: int) -> None:
        while length > 0:
            length -= len(self.rfile.read(min(length, 1 << 20)))


def key_of(path: str) -> str:
    """`/v1.0/users?$top=999` is the first page."""
    resource, _, query = path.partition("?")
    if resource != "/v1.0/users":
        return resource
    token = query.partition("$skiptoken=")[2].partition("&")[0]
    return f"{resource}?{token or 0}"


class Server(socketserver.ThreadingTCPServer):
    """Loopback only."""

    daemon_threads = True
    allow_reuse_address = True


def main() -> None:
    """Serves until its standard input closes, so that it cannot outlive the bench."""
    with Server(("127.0.0.1", 0), Handler) as server:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        server.bodies = pages(base)  # type: ignore[attr-defined]
        Path(sys.argv[1]).write_text(base)
        import threading

        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        os._exit(0)


if __name__ == "__main__":
    main()
