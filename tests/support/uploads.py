"""Ways for the bytes of an upload to come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sorgente.errors import MediaError
from sorgente.isobmff.fragment import MediaChunk
from sorgente.isobmff.init_segment import InitSegment
from sorgente.isobmff.scanner import BoxLimits
from sorgente.isobmff.upload import RawBytes, Unit, UploadParser


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def units_of(
    pieces: bytes | Iterable[bytes], parser: UploadParser | None = None
) -> list[Unit]:  # fmt: skip
    """All units of a whole upload; raises what the parser raises."""
    parser = parser or UploadParser()
    units: list[Unit] = []
    for piece in [pieces] if isinstance(pieces, bytes) else pieces:
        units += parser.feed(piece)
    return [*units, *parser.finish()]


def units_until_error(
    pieces: Iterable[bytes], limits: BoxLimits | None = None
) -> tuple[list[Unit], MediaError | None]:
    """The units before the first error, and the error."""
    parser = UploadParser(limits or BoxLimits())
    units: list[Unit] = []
    try:
        for piece in pieces:
            units.extend(parser.feed(piece))  # keeps what came before an error
        units.extend(parser.finish())
    except MediaError as error:
        return units, error
    return units, None


def fed_every_way(data: bytes) -> tuple[list[Unit], MediaError | None]:
    """Whole, byte by byte and in odd pieces; the outcome must be the same."""
    outcomes = [
        units_until_error(in_pieces(data, size)) for size in (max(len(data), 1), 1, 7, 1000)
    ]
    first, error = outcomes[0]
    for units, other in outcomes[1:]:
        assert merged(units) == merged(first)
        assert (type(other), str(other)) == (type(error), str(error))
    return first, error


def merged(units: Iterable[Unit]) -> list[Unit]:
    """Units with neighbouring raw pieces made one: where raw bytes are cut means nothing."""
    result: list[Unit] = []
    for unit in units:
        last = result[-1] if result else None
        if isinstance(unit, RawBytes) and isinstance(last, RawBytes):
            result[-1] = RawBytes(last.data + unit.data)
        else:
            result.append(unit)
    return result


def chunks_of(units: Iterable[Unit]) -> list[MediaChunk]:
    return [unit for unit in units if isinstance(unit, MediaChunk)]


def init_of(units: Iterable[Unit]) -> InitSegment:
    return next(unit for unit in units if isinstance(unit, InitSegment))


def joined(units: Iterable[Unit]) -> bytes:
    return b"".join(unit.data for unit in units)
