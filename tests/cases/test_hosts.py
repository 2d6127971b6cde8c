"""Cases 2.3: which hosts are asked for what, and what is not believed of an answer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import connector
from connector.errors import ConnectorError, InvalidInput, NoAnswer, ProtocolError
from connector.sandbox import Server
from connector.settings import Settings
from tests.http_host import Host, reply, serving
from tests.live_sandbox import Live, LivePlatform, Timeline, smaller

READ = ("User.ReadBasic.All",)
FILES = ("Files.ReadWrite",)
PLAIN_HEADERS = {"host", "user-agent", "accept-encoding", "connection", "accept"}


@pytest.fixture
def reader(live: Live) -> Live:
    """Somebody is signed in who may read users; nothing is in the journal."""
    live.sign_in(READ)
    live.forget_journal()
    return live


@pytest.fixture
def notes(live: Live) -> str:
    """The ID of a small file of the signed-in user."""
    live.sign_in(FILES)
    item = live.execute("drive_items.upload", path="notes.txt", content=b"Three lines.\n").items[0]
    live.forget_journal()
    return str(item["id"])


def by_name(host: Host) -> str:
    """The host as another one than Graph's: one on which the sandbox's cloud keeps content."""
    return host.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize(
    "link",
    ["https://evil.test/v1.0/users", "http://127.0.0.1.evil.test/v1.0/users", "//evil.test/v1.0/users"],
)
def test_n_01_a_next_link_to_another_host_ends_the_listing_with_an_alarm(reader, link, caplog):
    reader.fault("next_link", path="/users", url=link)
    with pytest.raises(ProtocolError, match="not the server that was asked"):
        reader.items("users.list", page_size=2)
    assert len(reader.journal) == 1
    assert [record.levelname for record in caplog.records if record.name == "connector.wire"] == ["CRITICAL"]


def test_n_01_a_next_link_to_another_port_is_another_host(reader, foreign):
    reader.fault("next_link", path="/users", url=f"{foreign.url}/v1.0/users?$skiptoken=x")
    with pytest.raises(ProtocolError):
        reader.items("users.list", page_size=2)
    assert foreign.seen == []


@pytest.mark.parametrize("graph", ["https://graph.microsoft.us", "https://graph.microsoft.com"])
def test_n_03_a_next_link_into_another_cloud_is_refused(reader, graph):
    reader.fault("next_link", path="/users", url=f"{graph}/v1.0/users?$skiptoken=x")
    with pytest.raises(ProtocolError):
        reader.items("users.list", page_size=2)
    assert len(reader.journal) == 1


@pytest.mark.parametrize("version", ["beta", "v2.0"])
def test_n_03_a_next_link_into_another_version_is_refused(reader, version):
    reader.fault("next_link", path="/users", url=f"{reader.url}/{version}/users?$skiptoken=x")
    with pytest.raises(ProtocolError):
        reader.items("users.list", page_size=2)


def test_n_04_a_delta_cursor_that_was_changed_in_storage_is_refused(live):
    live.sign_in(("Mail.Read",))
    *_, page = live.m365.iterate("fabrikoast", "messages.delta")
    live.forget_journal()
    middle = len(page.cursor) // 2
    changed = page.cursor[:middle] + ("A" if page.cursor[middle] != "A" else "B") + page.cursor[middle + 1 :]
    for cursor in (
        changed,
        page.cursor[:-6],
        "https://evil.test/v1.0/me",
        f"{live.url}/v1.0/users/x/messages/delta",
    ):
        with pytest.raises(InvalidInput, match="cursor"):
            live.m365.execute("fabrikoast", "messages.delta", cursor=cursor)
    assert live.journal == []


def test_n_04_a_delta_cursor_is_good_for_the_user_it_was_given_to_only(live):
    """D-14: another user of the same install, and another install."""
    mine = live.sign_in(("Mail.Read",))
    other = live.sign_in(("Mail.Read",), user="mina.okafor")
    live.sign_in(("Mail.Read",), "northleaf")
    *_, page = live.m365.iterate("fabrikoast", "messages.delta", as_=mine.id)
    live.forget_journal()
    for install, who in (("fabrikoast", other.id), ("northleaf", None)):
        with pytest.raises(InvalidInput, match="another method, install or connection"):
            live.m365.execute(install, "messages.delta", cursor=page.cursor, as_=who)
    with pytest.raises(InvalidInput, match="another method"):
        live.m365.execute("fabrikoast", "messages.list", cursor=page.cursor, as_=mine.id)
    assert live.journal == []
    assert live.m365.execute("fabrikoast", "messages.delta", cursor=page.cursor, as_=mine.id).items == ()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_n_05_a_redirected_call_is_not_followed(reader, foreign, status):
    reader.fault("status", status=status, headers={"Location": f"{foreign.url}/v1.0/me"})
    with pytest.raises(ProtocolError, match="redirect"):
        reader.execute("users.get_me")
    assert foreign.seen == []
    assert len(reader.journal) == 1


def test_n_05_a_redirected_write_is_not_followed_and_not_done(live, foreign):
    live.sign_in(("Mail.Send",))
    live.fault("status", status=307, headers={"Location": f"{foreign.url}/v1.0/me/sendMail"})
    with pytest.raises(ProtocolError) as caught:
        live.execute("messages.send", message=A_MESSAGE)
    assert caught.value.outcome == "not_done"
    assert foreign.seen == []


A_MESSAGE = {
    "subject": "Hello",
    "body": {"contentType": "text", "content": "A first message."},
    "toRecipients": [{"emailAddress": {"address": "mina.okafor@fabrikoast.example"}}],
}


def test_n_06_a_download_reaches_the_content_host_bare(live, notes):
    """The sandbox's content host answers 401 to any request that bears a token or a cookie."""
    [content] = live.execute("drive_items.download", item_id=notes).items
    assert content.read() == b"Three lines.\n"
    asked, sent = live.journal
    assert asked["bears_authorization"]
    assert sent["host"].startswith("localhost")
    assert {name.lower() for name in sent["headers"]} <= {*PLAIN_HEADERS, "content-length"}


def test_n_06_any_other_content_host_gets_no_secret_either(live, notes):
    with serving(reply(body=b"bytes", Content_Type="text/plain", Set_Cookie="a=b")) as host:
        live.fault("redirect", path="/content$", url=f"{by_name(host)}/file?tempauth=x", times=2)
        for _ in range(2):
            [content] = live.execute("drive_items.download", item_id=notes).items
            assert content.read() == b"bytes"
        for seen in host.seen:
            assert set(seen.headers) <= PLAIN_HEADERS


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test/file",
        "https://contoso.sharepoint.com.evil.test/x",
        "file:///etc/passwd",
        "http://user:pw@localhost/x",
    ],
)
def test_n_06_a_host_that_keeps_no_content_is_not_asked(live, notes, url):
    live.fault("redirect", path="/content$", url=url)
    with pytest.raises(ProtocolError):
        live.execute("drive_items.download", item_id=notes)
    assert len(live.journal) == 1


def test_n_08_a_loop_of_redirects_is_stopped(live, notes):
    def further(handler: Any, number: int) -> None:
        reply(302, b"", Location=f"/again/{number % 2}")(handler, number)

    with serving(further) as host:
        live.fault("redirect", path="/content$", url=f"{by_name(host)}/file")
        with pytest.raises(ProtocolError, match="redirected more than 5 times"):
            live.execute("drive_items.download", item_id=notes)
        assert len(host.seen) == 5


def test_n_08_a_chain_of_four_is_followed(live, notes):
    hops = [reply(302, b"", Location=f"/hop/{number}") for number in range(4)]
    with serving(*hops, reply(body=b"there")) as host:
        live.fault("redirect", path="/content$", url=f"{by_name(host)}/file")
        [content] = live.execute("drive_items.download", item_id=notes).items
        assert content.read() == b"there"


def test_n_12_the_environment_decides_nothing(live, notes, monkeypatch, tmp_path):
    """A proxy that is not there, passwords for the host, and authorities of somebody else."""
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login evil password evil\nmachine localhost login evil password evil\n"
    )
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nowhere")
    live.timeline.travel(90_000)
    assert live.execute("drive_items.download", item_id=notes).items[0].read() == b"Three lines.\n"
    assert len(live.token_calls) == 1
    bearers = [entry["headers"].get("Authorization", "Bearer") for entry in live.journal]
    assert all(bearer.startswith("Bearer") for bearer in bearers)


class Certificates:
    """A certificate authority of its own, and certificates by it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
        self.authority = folder / "authority.pem"
        made = self._made(self._name, self._key, days=30, authority=True, names=[])
        self.authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(self, *, days: int = 30, names: list[x509.GeneralName] | None = None) -> Path:
        """A server's certificate and key in one file, good until so many days from now."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        here = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        made = self._made(subject, key, days=days, authority=False, names=here if names is None else names)
        file = self._folder / f"server-{days}-{len(names or here)}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return file

    def _made(
        self,
        subject: x509.Name,
        key: rsa.RSAPrivateKey,
        *,
        days: int,
        authority: bool,
        names: list[x509.GeneralName],
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class HostTokens:
    """A host that keeps its tokens itself."""

    def token(
        self, install_id: str, connection_id: str, *, renew: bool = False, claims: str | None = None
    ) -> str:
        return "a-token-of-the-host"


def ask_both(url: str, home: Path, server: Server, authority: Path | None) -> list[ConnectorError | None]:
    """What comes of asking Entra ID and Graph at this address."""
    environment = {"M365_HOME": str(home), "M365_SANDBOX_URL": url}
    if authority is not None:
        environment["M365_CA_BUNDLE"] = str(authority)
    platform = LivePlatform(Settings.from_environment(environment), Timeline(server))
    outcomes: list[ConnectorError | None] = []
    for ask in (
        lambda: platform.connect.resolve_tenant("sandbox", "fabrikoast.example"),
        lambda: platform.connector(HostTokens(), strict_output=False).execute("any", "users.get_me"),
    ):
        try:
            ask()
            outcomes.append(None)
        except ConnectorError as error:
            outcomes.append(error)
    platform.close()
    return outcomes


@pytest.mark.parametrize("wrong", ["nobody vouches for it", "expired", "of another name"])
def test_n_13_a_certificate_that_is_not_good_is_refused(live, server, tmp_path, wrong):
    made = Certificates(tmp_path)
    certificate = {
        "nobody vouches for it": lambda: made.issue(),
        "expired": lambda: made.issue(days=-1),
        "of another name": lambda: made.issue(names=[x509.DNSName("graph.microsoft.com")]),
    }[wrong]()
    authority = None if wrong == "nobody vouches for it" else made.authority
    with serving(reply(), certificate=certificate) as host:
        outcomes = ask_both(host.url, tmp_path / "other", server, authority)
        assert [type(outcome) for outcome in outcomes] == [NoAnswer, NoAnswer]
        assert host.seen == [], "nothing was said before the certificate was found good"


def test_n_13_a_good_certificate_is_accepted(live, tmp_path):
    with Server(tls_folder=tmp_path / "tls") as secure:
        outcomes = ask_both(secure.base_url, tmp_path / "other", secure, secure.ca_file)
    assert outcomes[0] is None
    assert outcomes[1].code == "not_connected", "it answered, and does not know the token"


def test_n_13_nothing_switches_verification_off():
    source = Path(connector.__file__).parent
    switched_off = re.compile(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified")
    found = [file for file in source.rglob("*.py") if switched_off.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_n_15_a_gzip_bomb_is_cut_off_over_http(reader):
    smaller(reader.platform, answer_bytes=1_000_000)
    reader.fault("gzip_bomb", size_bytes=64 << 20)
    with pytest.raises(ProtocolError, match="larger than 1000000 bytes"):
        reader.execute("users.get_me")
    assert reader.execute("users.get_me").items[0]["displayName"] == "Avery Stone"


def test_n_15_a_gigantic_header_is_no_answer(reader):
    reader.fault("status", status=200, headers={"X-Large": "a" * 200_000}, times=0)
    with pytest.raises(NoAnswer):
        reader.execute("users.get_me")


def test_n_15_a_token_answer_without_end_is_cut_off(reader):
    reader.timeline.travel(90_000)
    reader.entra_error(0, raw_body="x" * 3_000_000, status=200, times=9)
    with pytest.raises(ProtocolError, match="without end"):
        reader.execute("users.get_me")
    assert len(reader.token_calls) == 1


def test_n_16_an_answer_that_drips_is_given_up(reader):
    smaller(reader.platform, total_timeout_seconds=0.08)
    reader.fault("drip", seconds=0.03, times=0)
    with pytest.raises(NoAnswer, match="took too long"):
        reader.execute("users.get_me")


def test_n_16_a_server_that_says_nothing_is_given_up(reader):
    smaller(reader.platform, read_timeout_seconds=0.05)
    reader.fault("slow", seconds=0.2, times=0)
    with pytest.raises(NoAnswer, match="took too long"):
        reader.execute("users.get_me")


def test_n_17_a_redirect_after_a_retry_gets_no_token_either(reader, foreign):
    reader.fault("status", status=503)
    reader.fault("redirect", url=f"{foreign.url}/v1.0/me")
    with pytest.raises(ProtocolError, match="redirect"):
        reader.execute("users.get_me")
    assert [entry["status"] for entry in reader.journal] == [503, 302]
    assert foreign.seen == []
