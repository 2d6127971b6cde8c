"""The work of each row, by each contender: run in a process of its own by `bench.py`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

TOKEN = "eyJ" + "x" * 2000
Work = Callable[[str, int], Callable[[], Any]]
"""Gets the server's address and a count; prepares, warms up, and gives back the work to be measured."""
CONTENDERS: dict[str, dict[str, Work]] = {"get_me": {}, "users": {}, "help": {}, "ready": {}}


def contender(name: str, *rows: str) -> Callable[[Work], Work]:
    """Enters a function for some rows. The first one of a row is the yardstick."""

    def enter(work: Work) -> Work:
        for row in rows:
            CONTENDERS[row][name] = work
        return work

    return enter


@contender("requests", "get_me")
def requests_get_me(base: str, count: int) -> Callable[[], Any]:
    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def work() -> Any:
        for _ in range(count):
            answer = session.get(f"{base}/v1.0/me")
            answer.raise_for_status()
            user = json.loads(answer.content)
        return user["id"]

    work()
    return work


@contender("requests", "users")
def requests_users(base: str, count: int) -> Callable[[], Any]:
    import requests

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def work() -> Any:
        users, link = [], f"{base}/v1.0/users?$top=999"
        while link:
            page = json.loads(session.get(link).content)
            users += page["value"]
            link = page.get("@odata.nextLink")
        return len(users)

    work()
    return work


class _Token:
    def token(self, install: str, connection: str, *, renew: bool = False, claims: str | None = None) -> str:
        return TOKEN


def our_connector(base: str) -> Any:
    os.environ["M365_SANDBOX_URL"] = base
    import connector

    return connector.load(tokens=_Token(), cloud="sandbox")


@contender("ours", "get_me")
def our_get_me(base: str, count: int) -> Callable[[], Any]:
    m365 = our_connector(base)

    def work() -> Any:
        for _ in range(count):
            user = m365.execute("bench", "users.get_me").items[0]
        return user["id"]

    work()
    return work


@contender("ours", "users")
def our_users(base: str, count: int) -> Callable[[], Any]:
    m365 = our_connector(base)

    def work() -> Any:
        users: list[Any] = []
        for page in m365.iterate("bench", "users.list", {"page_size": 999}):
            users += page.items
        return len(users)

    work()
    return work


def process(*command: str) -> Work:
    """A whole process as the work."""

    def prepare(base: str, count: int) -> Callable[[], Any]:
        return lambda: (
            subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL).returncode
        )

    return prepare


CONTENDERS["help"] = {"python": process("-c", "pass"), "ours": process("-m", "connector", "--help")}
CONTENDERS["ready"] = {
    "python": process("-c", "pass"),
    "requests": process("-c", "import requests"),
    "ours": process("-c", "import connector; c = connector.load(); c.method('users.get_me').input"),
}


def run(row: str, name: str, base: str, count: int) -> dict[str, float]:
    """One measurement: seconds of CPU and of the clock, and the peak of memory."""
    work = CONTENDERS[row][name](base, count)
    who = resource.RUSAGE_CHILDREN if row in ("help", "ready") else resource.RUSAGE_SELF
    before, started = resource.getrusage(who), time.perf_counter()
    proof = work()
    wall, after = time.perf_counter() - started, resource.getrusage(who)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": wall, "peak_mib": after.ru_maxrss / 1024, "proof": proof}


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(json.dumps(list(CONTENDERS[sys.argv[2]])))
    else:
        print(json.dumps(run(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))))
