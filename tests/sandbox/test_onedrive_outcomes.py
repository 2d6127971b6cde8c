"""Writes to OneDrive whose answer was lost: by looking, one knows whether they happened."""

from __future__ import annotations

import pytest

from connector.errors import ConnectorError
from tests.sandbox.stage import Stage, file, reserved_file


def lose_the_answer(stage: Stage, path: str) -> None:
    stage.live.fault("reset_after", method="POST", path=path, times=1)


@pytest.mark.parametrize(
    ("method", "action"),
    [("drive_items.checkout", "checkout"), ("drive_items.checkin", "checkin"),
     ("drive_items.discard_checkout", "discardCheckout")],
)  # fmt: skip
def test_a_reservation_whose_answer_was_lost_is_found(stage: Stage, method: str, action: str) -> None:
    scene = stage.scene(method, "fabrikoast")
    item = (file if action == "checkout" else reserved_file)(scene, {})
    lose_the_answer(stage, f"{action}$")
    stage.live.execute(method, item_id=item)


def test_an_invitation_without_a_mail_is_found(stage: Stage) -> None:
    scene = stage.scene("drive_items.invite", "fabrikoast")
    item = file(scene, {})
    lose_the_answer(stage, "invite$")
    [found] = stage.live.items(
        "drive_items.invite", item_id=item, email="pat@elsewhere.example", send_invitation=False
    )
    assert found["invitation"]["email"] == "pat@elsewhere.example"


def test_an_invitation_by_mail_is_not_sent_twice(stage: Stage) -> None:
    scene = stage.scene("drive_items.invite", "fabrikoast")
    item = file(scene, {})
    lose_the_answer(stage, "invite$")
    with pytest.raises(ConnectorError) as caught:
        stage.live.execute("drive_items.invite", item_id=item, email="pat@elsewhere.example")
    assert caught.value.outcome == "unknown"
    permissions = stage.live.items("drive_items.list_permissions", item_id=item)
    assert len([each for each in permissions if "invitation" in each]) == 1
