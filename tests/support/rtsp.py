"""An RTSP camera: a server for one client at a time that passes an ffmpeg's RTP on over TCP.

RFC 2326 as far as clients that read one live stream use it: OPTIONS, DESCRIBE, SETUP with
interleaving, PLAY. The RTP is real, and so is its description.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.origin import until

SESSION = "12345678"


@dataclass
class Camera:
    """The server: where it is, and who watches."""

    description: bytes
    url: str = ""
    requests: list[str] = field(default_factory=list)
    """Their first lines."""
    viewer: asyncio.StreamWriter | None = None
    """Who has said PLAY."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head[head.rindex(b"\0") + 1 :] if b"\0" in head else head  # behind RTCP
                await self._answer(text.decode("latin-1"), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.viewer = None if self.viewer is writer else self.viewer
            writer.close()

    async def _answer(self, request: str, writer: asyncio.StreamWriter) -> None:
        line, *fields = request.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
        self.requests.append(line)
        answer = [f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}"]
        body = b""
        match line.partition(" ")[0]:
            case "OPTIONS":
                answer.append("Public: DESCRIBE, SETUP, PLAY, TEARDOWN")
            case "DESCRIBE":
                body = self.description
                answer += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            case "SETUP":
                transport = headers["transport"].partition(";mode")[0]
                answer += [f"Transport: {transport}", f"Session: {SESSION}"]
            case "PLAY":
                answer.append(f"Session: {SESSION}")
        writer.write("\r\n".join([*answer, "", ""]).encode() + body)
        await writer.drain()
        if line.startswith("PLAY"):
            self.viewer = writer

    def passed_on(self, channel: int, packet: bytes) -> None:
        """A packet from the encoder (RFC 2326 §10.12)."""
        if self.viewer is not None and not self.viewer.is_closing():
            self.viewer.write(b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet)


class _Port(asyncio.DatagramProtocol):
    def __init__(self, camera: Camera, channel: int) -> None:
        self._camera = camera
        self._channel = channel

    def datagram_received(self, data: bytes, _: object) -> None:
        self._camera.passed_on(self._channel, data)


@asynccontextmanager
async def camera(
    encoder: list[str],
    directory: Path,
    *,
    streams: Sequence[str] = ("0:0", "0:1"),
    stdin: int = subprocess.DEVNULL,
) -> AsyncIterator[Camera]:
    """A camera that shows what ``encoder`` makes: an ffmpeg command up to the codec of its
    picture. ``streams`` are that and its sound, which is what ffmpeg sends over RTP by default and
    what most cameras do: G.711."""
    loop = asyncio.get_running_loop()
    made = Camera(b"")
    ports, closing = [], ExitStack()
    for channel in (0, 2):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        ports.append(udp.getsockname()[1])
        protocol = _Port(made, channel)
        transport, _ = await loop.create_datagram_endpoint(lambda p=protocol: p, sock=udp)  # type: ignore[misc]
        closing.callback(transport.close)
    sdp = directory / "camera.sdp"
    outputs = []
    for stream, port in zip(streams, ports, strict=True):
        outputs += ["-map", stream, "-f", "rtp", f"rtp://127.0.0.1:{port}?rtcpport=9"]
    process = await asyncio.create_subprocess_exec(
        *encoder, *outputs, "-sdp_file", str(sdp), stdin=stdin
    )
    try:
        await until(lambda: sdp.exists() and sdp.read_text().count("a=rtpmap") == 2)
        sections = sdp.read_text().replace("SDP:\n", "").split("m=")
        made.description = sections[0].encode() + b"".join(
            f"m={section.rstrip()}\r\na=control:track{index}\r\n".encode()
            for index, section in enumerate(sections[1:])
        )
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.url = f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/camera"
        closing.callback(server.close)
        yield made
    finally:
        closing.close()
        process.kill()
        await process.wait()
