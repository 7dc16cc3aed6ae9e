"""Keys as they are written on command lines, in variables and in files."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cyclopts.exceptions import CycloptsError

from sorgente.channel_settings import ChannelSettings
from sorgente.keys import Key
from sorgente.settings import AccessSettings, ListenSettings, Settings
from tests.support.settings import read_settings

KEY = "of-this-origin"
OWN = "of-cam-alone+/=%"


def read(*tokens: str, file: Path | None = None) -> AccessSettings:
    return read_settings(*tokens, file=file).access


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sorgente.toml"


def opens(settings: AccessSettings, channel: str, key: str) -> bool:
    own = settings.channel[channel].publish_key
    return own is not None and own.opens_to(key.encode())


def test_by_default_there_is_none() -> None:
    assert read() == AccessSettings()
    assert read().publish_key is None


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_a_key_for_all_channels(how: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(f'publish-key = "{KEY}"\n' if how == "file" else "")
    if how == "variable":
        monkeypatch.setenv("SORGENTE_PUBLISH_KEY", KEY)
    settings = read(*(["--publish-key", KEY] if how == "option" else []), file=file)
    assert settings.publish_key is not None
    assert settings.publish_key.opens_to(KEY.encode())
    assert KEY not in repr(settings)


def test_channels_may_have_keys_of_their_own(file: Path) -> None:
    file.write_text(
        f'publish-key = "{KEY}"\n'
        f'[channel.cam]\npublish-key = "{OWN}"\n'
        f'[channel.cam-1_X]\npublish_key = "{OWN}1"\n'
        f'[channel."studio.2.b"]\npublish-key = "{OWN}2"\n'
        "[channel.plain]\n"
    )
    settings = read(file=file)
    assert set(settings.channel) == {"cam", "cam-1_X", "studio.2.b", "plain"}
    assert opens(settings, "cam", OWN)
    assert opens(settings, "cam-1_X", OWN + "1")
    assert opens(settings, "studio.2.b", OWN + "2")
    assert settings.channel["plain"].publish_key is None
    assert settings.publish_key is not None
    assert OWN not in repr(settings)


def test_the_file_of_the_manual_is_one(file: Path) -> None:
    manual = Path(__file__).parents[1] / "docs" / "operating.md"
    file.write_text(manual.read_text().partition("```toml\n")[2].partition("```")[0])
    settings = read(file=file)
    assert settings.publish_key is not None
    assert opens(settings, "cam-1", "a-key-of-its-own")


def test_the_sources_of_the_cookbook_are_some(file: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "encoders.md").read_text()
    file.write_text(page.partition("```toml\n")[2].partition("```")[0])
    channels = read(file=file).channel
    assert channels["live"].ladder == ("720p", "360p:800k")
    assert (channels["film"].source, channels["film"].loop) == ("film.mp4", True)


def test_those_of_the_command_line_replace_those_of_the_file(file: Path) -> None:
    file.write_text(f'[channel.cam]\npublish-key = "{OWN}"\n')
    options = ["--channel.a.publish-key", f"{OWN}1", "--channel.b.c.publish-key", f"{OWN}2"]
    settings = read(*options, file=file)
    assert set(settings.channel) == {"a", "b.c"}
    assert opens(settings, "a", OWN + "1")
    assert opens(settings, "b.c", OWN + "2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('publish-key = ""', "the key is empty"),
        ('publish-key = "sesame"', "8 to 256 characters"),
        ('publish-key = "open sesame"', "without spaces"),
        ('publish-key = ["open-sesame", "open-sesame-2"]', "one key, not 2"),
        ('publish-kye = "open-sesame"', "publish-kye"),
        ('[channel.cam]\npublish-key = ""', "[channel][cam][publish-key]: the key is empty"),
        ('[channel.cam]\npublish-key = "sesame"', "[cam][publish-key]: a key has 8"),
        ('[channel.cam]\npublish-key = ["open-sesame", "open-sesame-2"]', "one key, not 2"),
        ('[channel.cam]\npublish-kye = "open-sesame"', "channel cam has no publish-kye"),
        ('[channel.cam.deep]\npublish-kye = "open-sesame"', "channel cam.deep has no"),
        ('[channel."a/b"]\npublish-key = "open-sesame"', "'a/b': a channel name is 1 to 64"),
        ('[channel.".."]\npublish-key = "open-sesame"', "'..': a channel name"),
        ('[channel.""]\npublish-key = "open-sesame"', "a channel name is"),
        ('[channel]\npublish-key = "open-sesame"', "a channel is a section"),
        ('[channel]\ncam = "open-sesame"', "a channel is a section"),
        ('channel = "open-sesame"', "a channel is a section"),
        ('[chanel.cam]\npublish-key = "open-sesame"', "[chanel][cam][publish-key]"),
    ],
)
def test_what_is_none_is_refused_without_being_shown(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(CycloptsError) as caught:
        read(file=file)
    shown = " ".join(str(caught.value).split())
    assert says in shown
    assert "sesame" not in shown


def test_a_channel_may_have_a_source(file: Path) -> None:
    file.write_text(
        '[channel.cam]\nsource = "rtmp://0.0.0.0:1935/live?listen"\n'
        'ladder = ["720p", "360p:800k"]\nverbose = true\n'
        '[channel.film]\nsource = "film.mp4"\nloop = true\nladder = "720p,360p"\n'
        f'publish-key = "{OWN}"\n'
        '[channel.desk]\nsource = "v4l2:A camera that is not there now"\nsound = "alsa:default"\n'
        "[channel.plain]\n"
    )
    channels = read(file=file).channel
    assert channels["cam"] == ChannelSettings(
        source="rtmp://0.0.0.0:1935/live?listen", ladder=("720p", "360p:800k"), verbose=True
    )
    film = channels["film"]
    assert (film.source, film.loop, film.ladder) == ("film.mp4", True, ("720p,360p",))
    assert film.publish_key is not None
    assert channels["desk"].sound == "alsa:default"
    assert channels["plain"] == ChannelSettings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('suorce = "test"', "channel cam has no suorce; it has ladder, encode, loop, sound"),
        ('source = "test"\nattended = true', "channel cam has no attended"),
        ("loop = true", "channel cam has a loop, but no source"),
        ('source = ""', "channel cam: INPUT is empty"),
        ('source = "test:321x180"', "channel cam: test:321x180: sizes are even"),
        ('source = "a\\u0000b"', "characters that cannot be printed"),
        ('source = ["a", "b"]', "[channel][cam][source]"),
        ('source = "test"\nloop = true', "--loop is for files, and test is none"),
        ('source = "a.mp4"\nloop = "yes"', "[channel][cam][loop]: loop is true or false"),
        ('source = "test"\nladder = ["720x"]', "'720x' is no rung"),
        ('source = "test"\nladder = []', "'' is no rung"),
        ('source = "test"\nladder = ["720p", "720p:2M"]', "two rungs have the same height"),
        ('source = "test"\nsound = "rtmp://:1/?listen"', "--sound cannot wait for a caller"),
    ],
)
def test_a_source_that_means_nothing_is_refused(file: Path, text: str, says: str) -> None:
    file.write_text(f"[channel.cam]\n{text}\n")
    with pytest.raises(CycloptsError) as caught:
        read(file=file)
    assert says in " ".join(str(caught.value).split())


def test_what_is_secret_in_a_source_is_not_shown(file: Path) -> None:
    file.write_text('[channel.cam]\nsource = "rtmp://user:sesame@cam/?listen"\nloop = true\n')
    with pytest.raises(CycloptsError) as caught:
        read(file=file)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("name", ["SORGENTE_CHANNEL", "SORGENTE_CHANNEL_CAM_PUBLISH_KEY"])
def test_variables_name_no_channels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not all that may be a channel's name may be in that of a variable."""
    monkeypatch.setenv(name, "open-sesame")
    with pytest.raises(CycloptsError, match=r"a channel is a section") as caught:
        read()
    assert "sesame" not in str(caught.value)


def test_what_is_shown_holds_no_key() -> None:
    cam = ChannelSettings(publish_key=Key(OWN), source="rtsp://me:sesame@camera/")
    access = AccessSettings(admin_key=Key(KEY), channel={"cam": cam, "open": ChannelSettings()})
    shown: dict[str, Any] = Settings(access=access).shown()
    assert (shown["admin_key"], shown["publish_key"]) == ("(set)", None)
    channels = [shown["channel.cam"], shown["channel.open"]]
    assert [(each["publish_key"], each["source"]) for each in channels] == [
        ("(set)", "(set)"),
        (None, None),
    ]
    assert "sesame" not in str(shown)
    assert (shown["port"], shown["window"], shown["log_level"]) == (8080, 60.0, "info")


def test_what_is_shown_is_plain() -> None:
    networks = (ip_network("10.0.0.0/8"),)
    listen = ListenSettings(cert=Path("/a.pem"), trusted_proxy=networks)
    shown = Settings(listen=listen).shown()
    assert (shown["cert"], shown["trusted_proxy"]) == ("/a.pem", ["10.0.0.0/8"])


def test_the_key_to_look_after_an_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SORGENTE_ADMIN_KEY", KEY)
    key = read().admin_key
    assert key is not None
    assert key.opens_to(KEY.encode())
    assert read().publish_key is None


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "0", "1e9"])
@pytest.mark.parametrize("option", ["window", "latency-target", "absence", "head-timeout"])
def test_times_are_numbers_of_seconds_that_pass(option: str, value: str) -> None:
    with pytest.raises(CycloptsError, match="more than 0 and at most 31536000 seconds, a year"):
        read_settings(f"--{option}={value}")


@pytest.mark.parametrize("option", ["segment-target", "latency-target"])
def test_no_target_is_less_than_a_picture(option: str) -> None:
    with pytest.raises(CycloptsError, match=r"at least 0.02 seconds: a picture at 50 fps"):
        read_settings(f"--{option}=1e-9")
    read_settings(f"--{option}=0.02")
