"""Settings: read from the environment, every fault named with its variable."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings import KEY_FILE, Settings

KEYS = ["QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="]


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = Settings.from_environment({"M365_HOME": str(tmp_path)})
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/connector.sqlite3"
    assert settings.proxy is None
    assert settings.ca_bundle is None
    assert (settings.connect_timeout_seconds, settings.read_timeout_seconds) == (10, 30)
    assert Settings.from_environment({}).home.name == "m365-connector"


def test_everything_can_be_set(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("pem")
    settings = Settings.from_environment(
        {
            "M365_HOME": str(tmp_path / "home"),
            "M365_DATABASE_URL": "postgresql://db/connector",
            "M365_SECRET_KEYS": f" {KEYS[0]} , {KEYS[1]} ",
            "M365_CA_BUNDLE": str(bundle),
            "M365_PROXY": "http://proxy.example.com:8080",
            "M365_CONNECT_TIMEOUT_SECONDS": "2.5",
            "M365_READ_TIMEOUT_SECONDS": "60",
        }
    )
    assert settings.database_url == "postgresql://db/connector"
    assert settings.keys() == tuple(KEYS)
    assert settings.ca_bundle == bundle
    assert settings.proxy == "http://proxy.example.com:8080"
    assert (settings.connect_timeout_seconds, settings.read_timeout_seconds) == (2.5, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("M365_DATABASE_URL", "connector.sqlite3"),
        ("M365_SECRET_KEYS", "tooshort"),
        ("M365_SECRET_KEYS", f"{KEYS[0]},tooshort"),
        ("M365_SECRET_KEYS", " , "),
        ("M365_CA_BUNDLE", "/nowhere/ca.pem"),
        ("M365_PROXY", "proxy.example.com"),
        ("M365_CONNECT_TIMEOUT_SECONDS", "soon"),
        ("M365_READ_TIMEOUT_SECONDS", "0"),
        ("M365_READ_TIMEOUT_SECONDS", "nan"),
        ("M365_READ_TIMEOUT_SECONDS", "601"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({"M365_HOME": "/tmp", name: value})


def test_a_wrong_key_is_not_quoted() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"M365_SECRET_KEYS": f"{KEYS[0]},canary-key"})
    assert "canary" not in str(refused.value)
    assert "Key 2" in str(refused.value)


def test_no_secret_is_in_the_repr(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "postgresql://user:canary@db/x", (KEYS[0],), proxy="http://u:canary@p:1")
    assert "canary" not in repr(settings)
    assert KEYS[0] not in repr(settings)


def test_without_keys_a_key_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings.from_environment({"M365_HOME": str(tmp_path / "home")})
    key = settings.keys()
    assert settings.keys() == key
    path = tmp_path / "home" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [KEY_FILE]


def test_of_many_that_make_the_key_file_all_get_the_same_key(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "sqlite:///x")
    found: set[str] = set()
    threads = [threading.Thread(target=lambda: found.update(settings.keys())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    settings = Settings(tmp_path, "sqlite:///x")
    settings.keys()
    os.chmod(tmp_path / KEY_FILE, 0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.keys()


def test_a_damaged_key_file_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    path.write_text("damaged")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="backup"):
        Settings(tmp_path, "sqlite:///x").keys()
    assert path.read_text() == "damaged"


def test_a_home_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="M365_SECRET_KEYS"):
        Settings(tmp_path / "file" / "home", "sqlite:///x").keys()
