import asyncio
import socket

import pytest
import uvloop

from sorgente.http.listener import KEEPALIVE, NOTSENT_LOWAT_BYTES, tune

OPTIONS = [
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_NOTSENT_LOWAT", NOTSENT_LOWAT_BYTES),
    *((socket.IPPROTO_TCP, name, value) for name, value in KEEPALIVE),
]


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_connections_inherit_what_their_listener_has(new_loop: type) -> None:
    inherited: asyncio.Future[list[int]]

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sock = transport.get_extra_info("socket")
            names = [(level, getattr(socket, name)) for level, name, _ in OPTIONS]
            inherited.set_result([sock.getsockopt(level, name) for level, name in names])
            transport.close()

    async def accept() -> list[int]:
        nonlocal inherited
        loop = asyncio.get_running_loop()
        inherited = loop.create_future()
        server = await loop.create_server(Connection, "127.0.0.1", 0)
        for listener in server.sockets:
            tune(listener)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        values = await inherited
        writer.close()
        server.close()
        return values

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(accept()) == [value for _, _, value in OPTIONS]
