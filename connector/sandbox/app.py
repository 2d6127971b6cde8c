"""The sandbox as one WSGI application: Entra, Graph, the content host and the control endpoints."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Flask, Response, current_app, request

from . import authorize, content, control_entra, discovery, graph, tokens
from .answers import Answer
from .graph_request import GraphRequest
from .journal import Recorder
from .seed import seed
from .state import World
from .switches import Switches

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def create_app(switches: Switches | None = None, world: World | None = None) -> Flask:
    """A sandbox with the two seeded companies. Its `World` is `app.extensions["sandbox"]`."""
    world = world or World(switches)
    graph.load_routes()
    seed(world)
    app = Flask(__name__)
    app.extensions["sandbox"] = world
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for module in (authorize, control_entra, discovery, tokens):
        app.register_blueprint(module.blueprint)
    app.add_url_rule("/v1.0/<path:_>", "graph", _graph, methods=_METHODS, provide_automatic_options=False)
    app.add_url_rule(
        "/content/<path:_>", "content", _content, methods=_METHODS, provide_automatic_options=False
    )
    app.wsgi_app = Recorder(app.wsgi_app, world)  # type: ignore[method-assign]
    return app


def world_of_app() -> World:
    """The world of the running request."""
    world: World = current_app.extensions["sandbox"]
    return world


def _graph(_: str) -> Response:
    return _response(graph.answer(world_of_app(), _graph_request()))


def _content(_: str) -> Response:
    return _response(content.answer(world_of_app(), _graph_request()))


def _graph_request() -> GraphRequest:
    raw_path = request.environ.get("RAW_URI", request.path).partition("?")[0]
    return GraphRequest(
        method=request.method,
        url=f"{request.host_url.rstrip('/')}{raw_path}",
        query=dict(parse_qsl(request.query_string.decode(), keep_blank_values=True)),
        headers=request.headers,
        stream=request.environ["wsgi.input"],
        stream_bytes=request.content_length or 0,
        entry=request.environ["sandbox.entry"],
    )


def _response(answer: Answer) -> Response:
    content = current_app.json.dumps(answer.body) if answer.body is not None else answer.content
    response = Response(content, answer.status)
    response.headers.pop("Content-Type", None)
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response
