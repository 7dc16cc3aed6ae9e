from fractions import Fraction

from sorgente.media.splice import Progress, Splice
from tests.support.live import TICKS, Upload, media_of, muxed, video
from tests.support.uploads import chunks_of, init_of, units_of


def progress_after(upload: Upload) -> Progress:
    units = units_of(upload.whole)
    progress = Progress(init_of(units))
    for chunk in chunks_of(units):
        progress.note(chunk.fragment)
    return progress


def spliced(progress: Progress, upload: Upload) -> list[bytes]:
    splice = Splice(progress)
    return [splice.apply(chunk) for chunk in chunks_of(units_of(upload.whole))]


def test_a_second_upload_goes_on_where_the_first_stopped() -> None:
    first = video(7)
    chunks = spliced(progress_after(first), video(5))
    media = media_of(first.whole + b"".join(chunks))
    assert [c.fragment.tracks[0].base_decode_time for c in media] == [
        number * TICKS for number in range(12)
    ]
    assert [c.fragment.sequence_number for c in media] == list(range(1, 13))


def test_and_a_third_behind_the_second() -> None:
    first = video(3)
    progress = progress_after(first)
    chunks = [*spliced(progress, video(3)), *spliced(progress, video(3, first_time=10**9))]
    media = media_of(first.whole + b"".join(chunks))
    assert [c.fragment.tracks[0].base_decode_time for c in media] == [
        number * TICKS for number in range(9)
    ]


def test_all_tracks_move_by_the_same_time_and_none_overlaps_itself() -> None:
    first = muxed(10)
    progress = progress_after(first)
    assert progress.end == Fraction(10, 25)
    media = media_of(first.whole + b"".join(spliced(progress, muxed(4))))
    picture, sound = media[10].fragment.tracks
    assert Fraction(picture.base_decode_time, 12800) == Fraction(10, 25)
    assert abs(Fraction(sound.base_decode_time, 48000) - Fraction(10, 25)) <= Fraction(1, 48000)


def test_a_timeline_that_begins_late_stays_where_it_is() -> None:
    first = video(4, first_time=5_000_000)
    media = media_of(first.whole + b"".join(spliced(progress_after(first), video(1))))
    assert media[-1].fragment.tracks[0].base_decode_time == 5_000_000 + 4 * TICKS


def test_an_empty_timeline_ends_at_nought() -> None:
    assert Progress(init_of(units_of(video(1).whole))).end == 0
