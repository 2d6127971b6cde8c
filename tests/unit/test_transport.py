"""The transport over real sockets: where tokens go, what is repeated, what is bounded."""

import gzip
import time
from datetime import UTC, datetime, timedelta

import pytest

from connector.content import Content
from connector.errors import (
    Forbidden,
    NoAnswer,
    NotConnected,
    NotFound,
    ProtocolError,
    Throttled,
    Unavailable,
)
from connector.graph.retry import RetryRule
from connector.graph.transport import Http, Transport
from connector.spec.model import Cloud, Limits
from connector.wire import Request
from tests.http_host import hang_up, reply, serving
from tests.scripted import RETRY, Naps

LIMITS = Limits(2, 2, 3, 1024 * 1024)
ERROR = b'{"error": {"code": "busy", "message": "wait"}}'


class Tokens:
    def __init__(self, *tokens):
        self.tokens = list(tokens) or ["secret-token"]
        self.asked = []

    def __call__(self, *, renew=False, claims=None):
        self.asked.append((renew, claims))
        return self.tokens[min(len(self.asked), len(self.tokens)) - 1]


@pytest.fixture(autouse=True)
def hostile_environment(monkeypatch, tmp_path):
    """N-12: what the environment says of proxies and passwords changes nothing."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")


@pytest.fixture
def http():
    client = Http()
    yield client
    client.close()


def transport(host, http, tokens=None, naps=None, content_hosts=("localhost",), limits=LIMITS):
    cloud = Cloud("test", "Test", host.url, host.url, content_hosts)
    rule = RetryRule(RETRY, jitter=lambda low, high: high)
    return Transport(
        cloud, "v1.0", tokens or Tokens(), rule, limits, http, user_agent="test/1", sleep=naps or Naps()
    )


def test_a_call_to_graph_bears_the_token_and_traceable_ids(http):
    with serving(reply(body=b'{"id": "1"}')) as host:
        response = transport(host, http).send(Request("GET", "/me?$select=id"))
    assert response.json == {"id": "1"}
    [seen] = host.seen
    assert seen.path == "/v1.0/me?$select=id"
    assert seen.headers["authorization"] == "Bearer secret-token"
    assert len(seen.headers["client-request-id"]) == 36
    assert seen.headers["user-agent"] == "test/1"


def test_connections_are_kept_between_calls(http):
    ports = set()

    def note(handler, number):
        ports.add(handler.client_address[1])
        reply()(handler, number)

    with serving(note) as host:
        for _ in range(3):
            transport(host, http).send(Request("GET", "/me"))
    assert len(ports) == 1


def test_n_06_a_request_to_another_host_goes_bare(http):
    with serving(reply()) as graph, serving(reply(201, b'{"id": "1"}'), address="127.0.0.1") as other:
        sender = transport(graph, http, content_hosts=("127.0.0.1",))
        sender.send(Request("PUT", f"{other.url}/upload?sig=1", content=Content.from_bytes(b"abc")))
    [seen] = other.seen
    assert not {"authorization", "cookie", "client-request-id"} & seen.headers.keys()
    assert (seen.body, seen.headers["content-length"]) == (b"abc", "3")
    assert graph.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test/upload",
        "http://localhost.evil.test/upload",
        "http://localhost@evil.test/x",
        "http://evil.test:80/?localhost",
        "ftp://localhost/x",
        "http://user:pass@localhost/x",
    ],
)
def test_content_on_a_host_that_the_cloud_does_not_name_is_refused(http, url):
    with serving(reply()) as host, pytest.raises(ProtocolError, match="content_hosts"):
        transport(host, http).send(Request("PUT", url, content=Content.from_bytes(b"")))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_n_05_a_redirect_of_a_call_is_not_followed(http, status):
    with serving(reply()) as other, serving(reply(status, Location=f"{other.url}/steal")) as host:
        with pytest.raises(ProtocolError, match="not followed"):
            transport(host, http).send(Request("GET", "/me"))
    assert other.seen == []


def test_n_17_a_redirect_after_a_retry_is_not_followed_either(http):
    with serving(reply()) as other, serving(reply(503), reply(302, Location=f"{other.url}/x")) as host:
        with pytest.raises(ProtocolError):
            transport(host, http).send(Request("GET", "/me"))
    assert other.seen == []
    assert len(host.seen) == 2


def test_a_401_leads_to_one_new_token_and_one_more_try(http):
    tokens = Tokens("old", "new")
    with serving(reply(401, ERROR), reply(body=b'{"id": 1}')) as host:
        assert transport(host, http, tokens).send(Request("GET", "/me")).json == {"id": 1}
    assert [seen.headers["authorization"] for seen in host.seen] == ["Bearer old", "Bearer new"]
    assert tokens.asked == [(False, None), (True, None)]


def test_a_second_401_is_final(http):
    with serving(reply(401, ERROR)) as host, pytest.raises(NotConnected):
        transport(host, http).send(Request("GET", "/me"))
    assert len(host.seen) == 2


CHALLENGE = (
    'Bearer realm="", authorization_uri="https://evil.test/authorize", client_id="x, y", '
    'error="insufficient_claims", claims="{}"'
)


@pytest.mark.parametrize(
    "claims",
    [
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ==",
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNjA0MTA2NjUxIn19fQ",
    ],
)
def test_t_15_a_claims_challenge_goes_into_the_next_token_request(http, claims):
    tokens = Tokens("old", "new")
    header = CHALLENGE.replace("{}", claims)
    with serving(reply(401, ERROR, WWW_Authenticate=header), reply()) as host:
        transport(host, http, tokens).send(Request("GET", "/me"))
    assert tokens.asked[1] == (True, '{"access_token": {"nbf": {"essential": true, "value": "1604106651"}}}')


def test_t_18_a_challenge_of_another_host_is_ignored(http):
    tokens = Tokens()
    header = CHALLENGE.replace("{}", "eyJhIjoxfQ==")
    with serving(reply()) as graph, serving(reply(401, ERROR, WWW_Authenticate=header)) as other:
        with pytest.raises(NotConnected):
            transport(graph, http, tokens, content_hosts=("127.0.0.1",)).send(
                Request("GET", f"{other.url}/d")
            )
    assert tokens.asked == []


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (502, b"<html>bad gateway</html>"), (503, b""), (504, b"{}"), (200, b'{"id": ')],
)
def test_r_11_a_failed_read_is_repeated(http, status, body):
    with serving(reply(status, body), reply(status, body), reply(body=b'{"id": 1}')) as host:
        assert transport(host, http).send(Request("GET", "/me")).json == {"id": 1}
    assert len(host.seen) == 3


def test_r_11_a_reset_read_is_repeated(http):
    with serving(hang_up, reply(body=b'{"id": 1}')) as host:
        assert transport(host, http).send(Request("GET", "/me")).json == {"id": 1}


def test_r_11_repeating_ends_with_a_typed_error_and_the_request_id(http):
    naps = Naps()
    with serving(reply(503, ERROR, request_id="abc")) as host, pytest.raises(Unavailable) as caught:
        transport(host, http, naps=naps).send(Request("GET", "/me"))
    assert (len(host.seen), caught.value.request_id) == (5, "abc")
    assert naps.seconds == [1, 2, 4, 8]


@pytest.mark.parametrize("header", ["3", "2.5", "date"])
def test_r_01_retry_after_is_waited_for_in_all_its_forms(http, header):
    naps = Naps()
    if header == "date":
        header = (datetime.now(UTC) + timedelta(seconds=4)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with serving(reply(429, ERROR, Retry_After=header), reply()) as host:
        transport(host, http, naps=naps).send(Request("POST", "/me/sendMail", json={}, repeatable=False))
    assert len(host.seen) == 2
    assert naps.seconds[0] >= 2.5


def test_a_wait_that_is_too_long_is_left_to_the_caller(http):
    with serving(reply(429, ERROR, Retry_After="900")) as host, pytest.raises(Throttled) as caught:
        transport(host, http).send(Request("GET", "/me"))
    assert (caught.value.retry_after_seconds, len(host.seen)) == (900, 1)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(500), "unknown"),
        (reply(504), "unknown"),
        (reply(503), "unknown"),
        (hang_up, "unknown"),
        (reply(403), "not_done"),
    ],
)
def test_a_write_that_may_have_happened_is_not_repeated(http, answer, outcome):
    with serving(answer) as host, pytest.raises((Unavailable, NoAnswer, Forbidden)) as caught:
        transport(host, http).send(Request("POST", "/me/sendMail", json={}, repeatable=False))
    assert (len(host.seen), caught.value.outcome) == (1, outcome)


def test_a_write_that_graph_did_not_execute_is_repeated(http):
    with serving(reply(503, ERROR, Retry_After="1"), reply(202, b"")) as host:
        transport(host, http).send(Request("POST", "/me/sendMail", json={}, repeatable=False))
    assert len(host.seen) == 2


def test_a_connection_that_was_never_made_has_done_nothing(http):
    with serving(reply()) as host:
        pass
    with pytest.raises(NoAnswer) as caught:
        transport(host, http).send(Request("POST", "/me/sendMail", json={}, repeatable=False))
    assert caught.value.outcome == "not_done"


def test_a_repeated_delete_that_finds_nothing_has_succeeded(http):
    with serving(hang_up, reply(404, ERROR)) as host:
        assert transport(host, http).send(Request("DELETE", "/me/events/1")).status == 204


def test_a_delete_of_what_was_never_there_is_an_error(http):
    with serving(reply(404, ERROR)) as host, pytest.raises(NotFound):
        transport(host, http).send(Request("DELETE", "/me/events/1"))


def test_a_repeated_upload_sends_all_bytes_again(http):
    with serving(hang_up, reply(202)) as host:
        part = Content.from_bytes(b"0123456789").part(2, 8)
        transport(host, http, content_hosts=("127.0.0.1",)).send(
            Request("PUT", f"{host.url}/u", content=part)
        )
    assert host.seen[-1].body == b"234567"


def test_n_15_a_body_without_end_is_cut_off(http):
    def flood(handler, number):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        for _ in range(64):
            handler.wfile.write(b" " * 65536)
        handler.close_connection = True

    with serving(flood) as host, pytest.raises(ProtocolError, match="larger than"):
        transport(host, http).send(Request("GET", "/me"))


def test_n_15_a_gzip_bomb_is_cut_off(http):
    bomb = gzip.compress(b" " * 50 * 1024 * 1024)
    with (
        serving(reply(body=bomb, Content_Encoding="gzip")) as host,
        pytest.raises(ProtocolError, match="larger than"),
    ):
        transport(host, http).send(Request("GET", "/me"))


def test_n_16_a_body_that_drips_is_given_up(http):
    def drip(handler, number):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    limits = Limits(2, 2, 0.3, 1024 * 1024)
    with serving(drip) as host, pytest.raises(NoAnswer):
        transport(host, http, limits=limits).send(Request("POST", "/x", json={}, repeatable=False))


def test_n_13_a_certificate_that_nobody_vouches_for_is_refused(http, tmp_path):
    pem = self_signed(tmp_path)
    with serving(reply(), certificate=pem) as host:
        with pytest.raises(NoAnswer, match="not trusted") as caught:
            transport(host, http).send(Request("GET", "/me", repeatable=False))
    assert caught.value.outcome == "not_done"
    assert host.seen == []


def test_a_configured_authority_is_trusted(tmp_path):
    pem = self_signed(tmp_path)
    client = Http(ca_bundle=str(pem))
    with serving(reply(body=b'{"id": 1}'), certificate=pem) as host:
        assert transport(host, client).send(Request("GET", "/me")).json == {"id": 1}
    client.close()


def self_signed(folder):
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "host.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
