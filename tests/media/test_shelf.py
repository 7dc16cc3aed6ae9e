"""What an encoder has put: editions, windows, who waits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorgente.isobmff.upload import RawBytes
from sorgente.media.addresses import Listed, Posted
from sorgente.media.chunk import Chunk
from sorgente.media.fanout import Counters
from sorgente.media.segment import Segment
from sorgente.media.shelf import (
    MAX_EDITIONS,
    MAX_GONE,
    MAX_INITS,
    MAX_MANIFEST_BYTES,
    MAX_MANIFESTS,
    Copy,
    Shelf,
)
from sorgente.media.track import Absence
from tests.support.players import player

WALL = 1_795_380_000.5
FIRST = Posted(starts_at=Fraction(1000))
SECOND = Posted(starts_at=Fraction(2000))


class Stage:
    """A shelf, and an encoder in front of it."""

    def __init__(self, seconds: float = 60, most: int = 1 << 20) -> None:
        self.shelf = Shelf(seconds, most, Counters())
        self.now = 0.0

    def begin(self, file: str, data: bytes = b"x", *, init: bool = False) -> Segment | None:
        segment = self.shelf.open(file, "video/mp4", WALL + self.now, is_init=init)
        if segment is not None:
            self.shelf.append(file, segment, Chunk.of(data, self.now))
        return segment

    def put(self, file: str, data: bytes = b"x", *, init: bool = False) -> None:
        segment = self.begin(file, data, init=init)
        assert segment is not None
        segment.close()

    def start(self, *tracks: str) -> None:
        for track in tracks or "v":
            self.put(f"init-{track}", init=True)

    def body(self, edition: int | None, file: str) -> bytes | Absence:
        found = self.shelf.find(edition, file)
        if isinstance(found, Absence):
            return found
        return b"".join(found.slice(0, found.bytes))

    @property
    def ids(self) -> list[int]:
        return [edition.id for edition in self.shelf.editions]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_what_is_put_again_after_a_restart_is_another_object(stage: Stage) -> None:
    for run in (b"one", b"two"):
        stage.start("v", "a")
        stage.put("v-1", run)
    assert len(stage.ids) == 2
    assert [stage.body(edition, "v-1") for edition in stage.ids] == [b"one", b"two"]
    assert stage.body(None, "v-1") == b"two"
    assert stage.ids[0] < stage.ids[1]


def test_init_segments_sent_again_before_any_media_are_the_same_start(stage: Stage) -> None:
    stage.start()
    stage.start()
    assert len(stage.ids) == 1


def test_an_edition_is_a_new_one_though_the_media_of_the_last_have_left(stage: Stage) -> None:
    stage.start()
    stage.put("v-1")
    stage.shelf.expire(100)
    stage.start()
    assert len(stage.ids) == 2


def test_a_manifest_waits_for_its_edition(stage: Stage) -> None:
    """It comes on another connection, so it may be read first."""
    shelf = stage.shelf
    shelf.post("m", b"one", FIRST)
    assert not shelf.manifest("m")
    stage.start()
    stage.put("v-1")
    assert [edition.manifests["m"] for edition in shelf.manifest("m")] == [b"one"]
    shelf.post("m", b"two", SECOND)
    assert [edition.manifests["m"] for edition in shelf.manifest("m")] == [b"one"]
    stage.start()
    assert [edition.manifests["m"] for edition in shelf.manifest("m")] == [b"one", b"two"]
    assert [edition.starts_at for edition in shelf.editions] == [1000, 2000]


def test_the_last_manifest_of_an_event_is_kept_beside_the_one_before(stage: Stage) -> None:
    stage.start()
    shelf = stage.shelf
    shelf.post("m", b"live", FIRST)
    for last in (b"static", b"over"):
        revision = shelf.revision
        shelf.post("m", last, Posted(ended=True))
        assert shelf.revision > revision
    (edition,) = shelf.manifest("m")
    assert (edition.manifests, edition.lasts) == ({"m": b"live"}, {"m": b"over"})
    shelf.post("m", b"on", FIRST)
    assert (edition.manifests, edition.lasts) == ({"m": b"on"}, {})
    shelf.post("m", b"static", Posted(ended=True))
    shelf.remove("m")
    assert not edition.lasts
    assert shelf.bytes_held == _counted(shelf)


def test_numbers_of_playlists_go_on_in_the_next_edition(stage: Stage) -> None:
    shelf = stage.shelf
    for listed in (Listed(0, 5), Listed(2, 7, 0, 1)), (Listed(0, 1), Listed(1, 4)), (Listed(9, 9),):
        stage.start()
        stage.put("v-1")
        for each in listed:
            shelf.post("p", b"p", Posted(listed=each))
    assert [edition.bases["p"] for edition in shelf.editions] == [(0, 0), (7, 2), (2, 3)]
    shelf.remove("p")
    assert not any(edition.bases or edition.listed for edition in shelf.editions)


def test_a_start_at_the_same_time_was_none(stage: Stage) -> None:
    """An encoder whose clock goes on sends its init segment again at any time."""
    shelf = stage.shelf
    stage.start()
    shelf.post("m", b"one", FIRST)
    stage.put("v-1", b"one")
    stage.start()
    growing = stage.begin("v-2", b"two")
    assert growing is not None
    shelf.post("m", b"two", FIRST)
    (edition,) = shelf.editions
    shelf.append("v-2", growing, Chunk.of(b" more", 0))
    assert stage.body(edition.id, "v-1") == b"one"
    assert stage.body(edition.id, "v-2") == b"two more"
    assert edition.manifests == {"m": b"two"}
    assert edition.bytes_held == shelf.bytes_held == _counted(shelf)


def test_of_two_that_put_the_same_the_first_counts(stage: Stage) -> None:
    first = stage.begin("v-1", b"first")
    assert stage.begin("v-1", b"second") is None
    assert first is not None
    first.close()
    assert stage.body(None, "v-1") == b"first"
    stage.put("v-1", b"again")
    assert stage.body(None, "v-1") == b"again"


def test_who_waits_follows(stage: Stage) -> None:
    stage.start()
    (edition,) = stage.ids
    assert stage.shelf.find(edition, "v-1") is Absence.NEXT
    assert stage.shelf.find(edition - 1, "v-1") is Absence.UNKNOWN
    assert stage.shelf.find(None, "v-1") is Absence.UNKNOWN
    subscriber, sink = player()
    stage.shelf.hold(edition, "v-1", sink, lambda found: found.attend(subscriber))
    stage.shelf.hold(edition, "v-1", "gone", lambda _: pytest.fail("it left"))
    stage.shelf.let_go(edition, "v-1", "gone")
    assert stage.shelf.held == 1
    stage.put("v-1", b"bytes")
    assert stage.shelf.held == 0
    assert sink.body == b"bytes"


def test_what_breaks_off_never_looks_complete_and_may_come_again(stage: Stage) -> None:
    subscriber, sink = player()
    copy = Copy(stage.shelf, "v-1", lambda now: WALL + now)
    copy.take(RawBytes(b"half"), b"half", "video/mp4", 0.0)
    growing = stage.shelf.find(None, "v-1")
    assert isinstance(growing, Segment)
    growing.attend(subscriber)
    copy.end(complete=False)
    copy.end(complete=False)
    assert sink.aborted
    assert stage.shelf.find(None, "v-1") is Absence.UNKNOWN
    copy = Copy(stage.shelf, "v-1", lambda now: WALL + now)
    copy.take(RawBytes(b"whole"), b"whole", "video/mp4", 0.0)
    copy.end(complete=True)
    assert stage.body(None, "v-1") == b"whole"


def test_what_is_removed_or_left_the_window_is_gone(stage: Stage) -> None:
    stage.start()
    for number in range(4):
        stage.now = float(number)
        stage.put(f"v-{number}")
    stage.shelf.post("m", b"one", FIRST)
    stage.shelf.remove("v-3")
    stage.shelf.remove("never")
    stage.shelf.expire(61.5)
    (edition,) = stage.ids
    found = [stage.body(edition, f"v-{number}") for number in range(4)]
    assert found == [Absence.GONE, Absence.GONE, b"x", Absence.GONE]
    assert stage.body(edition, "init-v") == b"x", "as long as there is anything of it"
    stage.shelf.remove("m")
    assert not stage.shelf.manifest("m")


def test_what_players_were_promised_stays_though_the_window_is_shorter(stage: Stage) -> None:
    stage.start()
    stage.put("v-1")
    stage.shelf.expire(61.5, depth=62.0)
    assert stage.body(None, "v-1") == b"x"
    stage.shelf.expire(61.5, depth=20.0)
    assert stage.body(None, "v-1") is Absence.GONE


def test_the_window_has_a_bound_in_bytes() -> None:
    stage = Stage(most=10_000)
    stage.start()
    for number in range(30):
        stage.put(f"v-{number}", bytes(1000))
    stage.shelf.expire(0)
    assert 8000 < stage.shelf.bytes_held <= 10_000
    assert stage.body(None, "v-29") == bytes(1000)
    freed = stage.shelf.drop_oldest()
    assert freed > 1000
    while stage.shelf.drop_oldest():
        pass
    assert stage.shelf.find(None, "v-29") is Absence.GONE


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["put", "init", "begin", "post", "last", "other", "remove", "expire", "drop"]
        ),
        st.integers(0, 5),
        st.integers(0, 3000),
    ),
    max_size=60,
)


@pytest.mark.parametrize("others", [0, 5], ids=["alone", "beside-others"])
def test_an_object_that_never_ends_goes_before_the_others_do(others: int) -> None:
    stage, size = Stage(most=4000), 100
    stage.start()
    for number in range(others):
        stage.put(f"v{number}", bytes(size))
    copy = Copy(stage.shelf, "endless", lambda now: WALL + now)
    for _ in range(100):
        copy.take(RawBytes(bytes(size)), bytes(size), "video/mp4", stage.now)
        stage.shelf.expire(stage.now)
        assert stage.shelf.bytes_held <= 4000
        assert copy.bytes_held <= 4000
    assert stage.body(None, "endless") is Absence.GONE
    assert [stage.body(None, f"v{number}") for number in range(others)] == [bytes(size)] * others
    copy.end(complete=True)
    assert stage.body(None, "endless") is Absence.GONE


def _counted(shelf: Shelf) -> int:
    objects = [s for edition in shelf.editions for s in edition.objects.values()]
    manifests = [
        m
        for edition in shelf.editions
        for kept in (edition.manifests, edition.lasts)
        for m in kept.values()
    ]
    return sum(s.bytes_held for s in objects) + sum(map(len, manifests))


@given(OPERATIONS)
@settings(max_examples=200)
def test_whatever_comes_it_is_counted_and_bounded(operations: list[tuple[str, int, int]]) -> None:
    stage = Stage(seconds=10, most=20_000)
    shelf, early = stage.shelf, 0
    for what, number, size in operations:
        stage.now += 0.5
        match what:
            case "put" | "begin" | "init":
                segment = stage.begin(f"v-{number}", bytes(size or 1), init=what == "init")
                if segment is not None and what != "begin":
                    segment.close()
            case "post":
                shelf.post(f"m-{number}", bytes(size), FIRST)
            case "last":
                shelf.post(f"m-{number}", bytes(size), Posted(ended=True))
            case "other":
                shelf.post("m", bytes(size), Posted(starts_at=Fraction(number)))
            case "remove":
                shelf.remove(f"v-{number}")
                shelf.remove(f"m-{number}")
            case "expire":
                shelf.expire(stage.now)
                assert len(shelf.editions) <= MAX_EDITIONS
            case "drop":
                shelf.drop_oldest()
        early = shelf.bytes_held - sum(edition.bytes_held for edition in shelf.editions)
        assert shelf.bytes_held - early == _counted(shelf)
        assert early >= 0


def test_nothing_grows_for_ever(stage: Stage) -> None:
    for number in range(2000):
        stage.put(f"i-{number}", init=True)
        stage.put(f"v-{number}")
        stage.shelf.post(f"m-{number}", bytes(10_000), FIRST)
        stage.shelf.post(f"p-{number}", b"p", Posted(listed=Listed(number, number)))
        stage.shelf.remove(f"v-{number}")
    (edition,) = stage.shelf.editions
    assert len(edition.inits) <= MAX_INITS
    assert len(edition.gone) <= MAX_GONE
    assert len(edition.manifests) <= MAX_MANIFESTS
    assert edition.bases.keys() <= edition.manifests.keys()
    assert edition.listed.keys() <= edition.manifests.keys()
    for number in range(300):
        stage.shelf.post(f"m-{number}", bytes(1 << 20), FIRST)
        stage.shelf.post(f"m-{number}", bytes(1 << 20), Posted(ended=True))
        stage.shelf.post(f"m-{number}", bytes(1 << 20), SECOND)
    assert stage.shelf.bytes_held <= 2 * MAX_MANIFEST_BYTES + 100_000
