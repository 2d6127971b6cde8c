"""Each method's example against the sandbox, over HTTP: for oneself, and for every other target it has.

Nothing here names a method. What an example needs before it can run is in `stage`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.content import Content
from connector.errors import ConnectorError, ConsentRequired, Forbidden
from connector.spec.model import Method
from tests.cases.invariants import changes
from tests.live_sandbox import DOMAINS, Live, catalogue
from tests.sandbox.stage import OWNER, OneToken, Scene, Stage, prepared

OTHER = {"fabrikoast": "northleaf", "northleaf": "fabrikoast"}
METHODS = [
    method
    for method in catalogue().values()
    if method.visibility != "internal" and "delegated" in method.scopes
]


def identity(item: object) -> object:
    """The ID of an item, or the item itself where it has none."""
    return item.get("id") if isinstance(item, dict) else item


def targets_of(method: Method) -> Iterator[str | None]:
    """None for oneself, then the name of each other target."""
    yield None
    if method.target is not None:
        refused = {each.target for each in method.not_for if each.input is None}
        yield from (prefix.name for prefix in method.target.prefixes if prefix.name not in {"me", *refused})


RUNS = [
    pytest.param(method.name, target, id=f"{method.name}-{target or 'me'}")
    for method in METHODS
    for target in targets_of(method)
]
NEEDING_SCOPES = [each for each in RUNS if catalogue().method(str(each.values[0])).visibility != "advanced"]


@pytest.mark.parametrize(("name", "target"), RUNS)
def test_an_example_runs_and_its_answer_fits_the_schema(stage: Stage, name: str, target: str | None) -> None:
    """In one company; nothing of the other one changes."""
    install = "northleaf" if target is None else "fabrikoast"
    scene = stage.scene(name, install, target)
    params = prepared(scene)
    world = stage.live.server.world
    elsewhere = world.tenant(DOMAINS[OTHER[install]])
    before = changes(elsewhere)
    items = [item for page in stage.live.m365.iterate(install, name, params) for item in page.items]
    if scene.method.output is not None and scene.method.kind == "write":
        assert len(items) == 1
    for item in items:
        if isinstance(item, Content):
            assert item.read()
    assert changes(elsewhere) == before


@pytest.mark.parametrize(("name", "target"), NEEDING_SCOPES)
def test_the_declared_permissions_suffice(stage: Stage, name: str, target: str | None) -> None:
    """The sandbox has its own table of permissions; a token with just the declared ones must do."""
    scene = stage.scene(name, "fabrikoast" if target is None else "northleaf", target)
    params = prepared(scene)
    for page in _with_permissions(stage, scene, stage.declared_scopes(scene, params)).iterate(
        "any", name, params
    ):
        for item in page.items:
            if isinstance(item, Content):
                item.read()


@pytest.mark.parametrize(("name", "target"), NEEDING_SCOPES)
def test_without_them_the_sandbox_refuses(stage: Stage, name: str, target: str | None) -> None:
    scene = stage.scene(name, "fabrikoast", target)
    params = prepared(scene)
    unrelated = "Files.Read" if not scene.is_drive else "Contacts.Read"
    with pytest.raises(Forbidden):
        list(_with_permissions(stage, scene, (unrelated,)).iterate("any", name, params))


def _with_permissions(stage: Stage, scene: Scene, permissions: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """The connector of a host that keeps the tokens, with a token for these permissions."""
    user = f"{OWNER}@{scene.domain}"
    body = {"company": scene.domain, "user": user, "permissions": list(permissions)}
    token = stage.live.control("POST", "/tokens", body)["access_token"]
    return stage.live.platform.connector(OneToken(token))


@pytest.fixture(scope="module")
def newcomer(stage: Stage) -> str:
    """A connection of the same install that was granted nothing but to sign in."""
    return stage.live.sign_in((), "fabrikoast", "jonas.o'hara").id


@pytest.mark.parametrize(("name", "target"), NEEDING_SCOPES)
def test_a_missing_permission_is_told_before_any_request(
    stage: Stage, newcomer: str, name: str, target: str | None
) -> None:
    live = stage.live
    scene = stage.scene(name, "fabrikoast", target)
    params = {**scene.method.example, **scene.target}
    granted = live.platform.store.connection("fabrikoast", newcomer).granted
    if {*stage.declared_scopes(scene, params)} <= {*granted}:
        pytest.skip("needs no more than a sign-in")
    live.forget_journal()
    with pytest.raises(ConsentRequired) as caught:
        live.m365.execute("fabrikoast", name, params, as_=newcomer)
    assert set(caught.value.missing_scopes) <= {*stage.declared_scopes(scene, params)}
    assert live.journal == []


def test_examples_in_one_batch_give_what_they_give_alone(stage: Stage) -> None:
    """Everything that only reads and may go in a batch, with a call that fails in between."""
    live = stage.live
    names = [each.name for each in METHODS if each.kind == "read" and each.flow.type in ("single", "paged")]
    calls = [(name, prepared(stage.scene(name, "fabrikoast"))) for name in names]
    calls.insert(2, ("users.get", {"user_id": "nobody@fabrikoast.example"}))
    live.forget_journal()
    together = live.m365.batch("fabrikoast", calls)
    requests = [call["path"] for call in live.graph_calls]
    assert requests.count("/v1.0/$batch") == len(requests) < len(calls)
    assert isinstance(together.pop(2), ConnectorError)
    del calls[2]
    for (name, params), outcome in zip(calls, together, strict=True):
        assert not isinstance(outcome, ConnectorError), f"{name}: {outcome}"
        alone = [item for page in live.m365.iterate("fabrikoast", name, params) for item in page.items]
        assert list(map(identity, outcome.items)) == list(map(identity, alone)), name


def test_both_companies_see_their_own(stage: Stage) -> None:
    found = {install: stage.live.items("users.list", install) for install in DOMAINS}
    for install, users in found.items():
        assert users
        assert all(user["userPrincipalName"].endswith(DOMAINS[install]) for user in users)
    theirs = found["northleaf"][0]["id"]
    with pytest.raises(ConnectorError) as caught:
        stage.live.execute("users.get", "fabrikoast", user_id=theirs)
    assert caught.value.code == "not_found"


def test_every_preparation_is_used(stage: Stage) -> None:
    """A preparation whose method has gone is taken out of the table."""
    from tests.sandbox.stage import INPUTS, MORE_INPUTS

    known = {method.name for method in METHODS}
    nouns = {name.partition(".")[0] for name in known}
    used = {key for key in INPUTS if key.rpartition(".")[0] in known | nouns}
    assert used == INPUTS.keys()
    assert MORE_INPUTS.keys() <= known


__all__ = ["Live"]
