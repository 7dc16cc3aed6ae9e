"""Producer reference time: when the media was there (ISO/IEC 14496-12 §8.16.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sorgente.isobmff.box import Box

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900-01-01, where NTP counts from, to 1970-01-01 (RFC 5905 §6)."""


@dataclass(frozen=True, slots=True)
class ProducerReferenceTime:
    """One ``prft``.

    ``media_time`` is what the encoder wrote, in ticks of the track. Do not compute with it: ffmpeg
    writes it on a timeline that the fragment does not use. The moment belongs to the earliest
    presentation time of the ``moof`` that follows.
    """

    track_id: int
    ntp: int
    """Seconds since 1900 in the upper 32 bits, their fraction in the lower ones."""

    media_time: int
    flags: int
    """0 encoder input, 1 encoder output, 2 moof finalised, 4 moof written, 8 arbitrary but
    consistent, 24 captured."""

    version: int

    @property
    def unix_seconds(self) -> float:
        """The moment in seconds since 1970, good to a microsecond."""
        return (self.ntp >> 32) - NTP_EPOCH + (self.ntp & 0xFFFFFFFF) / 2**32


def parse_prft(box: Box) -> ProducerReferenceTime:
    """Read one ``prft``; raises MalformedBox when it is cut short."""
    fields = box.fields()
    version, flags = fields.version_and_flags()
    track_id, ntp = fields.u32(), fields.u64()
    media_time = fields.u64() if version else fields.u32()
    return ProducerReferenceTime(track_id, ntp, media_time, flags, version)
