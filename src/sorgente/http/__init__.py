"""The wire: HTTP/1.x on an ``asyncio.Protocol``, llhttp as the parser."""
