"""`/_sandbox`: the control endpoints, for tests and for people at play. Nothing here exists at Microsoft.

    POST   /reset                         forget everything, seed anew
    GET    /switches      PUT             read; set some: {"name": value}
    GET    /clock         POST            read; {"advance_seconds"} | {"freeze_at": ISO} | {"run": true}
    GET    /faults        POST   DELETE   list; arm one (fields: `faults.Fault`); disarm all
    POST   /delta-reset                   every delta token answers 410 from now on
    GET    /journal       DELETE          all requests, also ?path=<regex>&host=<text>; forget them

Directory, apps, consents, tokens and sign-ins are in `control_entra`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from .fault_answers import ENVELOPES
from .faults import BadFault, faults_of
from .journal import journal_of
from .seed import seed
from .state import World
from .switches import UnknownSwitch

blueprint = Blueprint("control", __name__, url_prefix="/_sandbox")


class ControlError(Exception):
    """A control request cannot be carried out; the message names the field and the remedy."""


def world_of_request() -> World:
    """The world of the running request."""
    world: World = current_app.extensions["sandbox"]
    return world


def wanted() -> dict[str, Any]:
    """The JSON object of the request; raises ControlError."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object. Send Content-Type: application/json.")
    return body


@blueprint.errorhandler(ControlError)
@blueprint.errorhandler(BadFault)
@blueprint.errorhandler(UnknownSwitch)
def refused(error: Exception) -> tuple[Response, int]:
    """A control request that cannot be carried out."""
    return jsonify({"error": str(error)}), 400


@blueprint.post("/reset")
def reset() -> Response:
    """Forget everything and seed anew."""
    world = world_of_request()
    with world.lock:
        world.clear()
        seed(world)
    return jsonify({"status": "reset"})


@blueprint.get("/switches")
def show_switches() -> Response:
    """All switches."""
    return jsonify(world_of_request().switches.as_json())


@blueprint.put("/switches")
def set_switches() -> Response:
    """Set some switches."""
    world = world_of_request()
    world.switches = world.switches.with_values(wanted())
    return show_switches()


@blueprint.get("/clock")
def show_clock() -> Response:
    """The sandbox's time."""
    return jsonify({"now": world_of_request().clock.now().isoformat()})


@blueprint.post("/clock")
def set_clock() -> Response:
    """Move, stop or release the time."""
    clock, body = world_of_request().clock, wanted()
    if set(body) - {"advance_seconds", "freeze_at", "run"} or not body:
        raise ControlError("The clock takes 'advance_seconds', 'freeze_at' (ISO 8601 with offset) or 'run'.")
    if "freeze_at" in body:
        try:
            at = datetime.fromisoformat(body["freeze_at"])
        except (TypeError, ValueError):
            raise ControlError("'freeze_at' is no date and time. Write 2026-11-20T12:00:00Z.") from None
        if at.tzinfo is None:
            raise ControlError("'freeze_at' lacks an offset. Write 2026-11-20T12:00:00Z.")
        clock.freeze(at)
    if body.get("run"):
        clock.run()
    clock.advance(float(body.get("advance_seconds", 0)))
    return show_clock()


@blueprint.get("/faults")
def list_faults() -> Response:
    """The armed faults."""
    return jsonify({"faults": [fault.as_json() for fault in faults_of(world_of_request()).armed]})


@blueprint.post("/faults")
def arm_fault() -> tuple[Response, int]:
    """Arm one fault."""
    body = wanted()
    if body.get("envelope", "standard") not in ENVELOPES:
        raise ControlError(f"'envelope' must be one of: {', '.join(ENVELOPES)}.")
    world = world_of_request()
    with world.lock:
        return jsonify(faults_of(world).arm(body).as_json()), 201


@blueprint.delete("/faults")
def disarm_faults() -> Response:
    """Disarm all faults."""
    faults_of(world_of_request()).armed.clear()
    return list_faults()


@blueprint.post("/delta-reset")
def reset_delta() -> Response:
    """Invalidate every delta token."""
    world = world_of_request()
    world.delta_epoch += 1
    return jsonify({"status": "reset"})


@blueprint.get("/journal")
def show_journal() -> Response:
    """The requests seen, oldest first, without those to the control endpoints."""
    host, path = request.args.get("host", ""), request.args.get("path", "")
    entries = [
        entry.as_json()
        for entry in journal_of(world_of_request()).entries
        if host in entry.host and re.search(path, entry.path)
    ]
    return jsonify({"requests": entries})


@blueprint.delete("/journal")
def forget_journal() -> Response:
    """Forget the requests seen so far."""
    journal_of(world_of_request()).entries.clear()
    return jsonify({"requests": []})
