"""nginx, Caddy and HAProxy in front of an origin, with the configurations of ``deploy/proxies``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

DEPLOY: Final = Path(__file__).parents[2] / "deploy"


class Front(NamedTuple):
    """A proxy."""

    config: str
    """In ``deploy/proxies``."""
    listens: tuple[str, str]
    """What the configuration says of where it listens, and what stands for that on ``PORT``."""
    command: Callable[[Path], Sequence[str]]
    """That runs it in the foreground with a configuration."""
    proxy_protocol: bool = False
    around: str = "CONFIG"
    """What the configuration is a part of."""


NGINX: Final = """daemon off; master_process off; pid DIR/nginx.pid;
error_log stderr warn; user root;
events {}
http {
    access_log off;
    client_body_temp_path DIR; proxy_temp_path DIR; fastcgi_temp_path DIR; uwsgi_temp_path DIR;
    scgi_temp_path DIR;
    CONFIG
}"""

FRONTS: Final = {
    "nginx": Front(
        "nginx.conf",
        ("listen 80;", "listen 127.0.0.1:PORT;"),
        lambda config: ["nginx", "-c", str(config), "-e", "stderr"],
        around=NGINX,
    ),
    "Caddy": Front(
        "Caddyfile",
        ("live.example.com {", "http://:PORT {\n\tbind 127.0.0.1"),
        lambda config: ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)],
        around="{\n\tadmin off\n}\nCONFIG",
    ),
    "HAProxy": Front(
        "haproxy.cfg",
        ("bind :80", "bind 127.0.0.1:PORT"),
        lambda config: ["haproxy", "-db", "-f", str(config)],
        proxy_protocol=True,
    ),
}


def configured(front: Front, directory: Path, *, port: int, origin_port: int) -> Path:
    """The configuration as it is in ``deploy/``, but for the ports."""
    text = (DEPLOY / "proxies" / front.config).read_text()
    for old, new in (front.listens, ("127.0.0.1:8080", f"127.0.0.1:{origin_port}")):
        assert old in text
        text = text.replace(old, new)
    text = front.around.replace("CONFIG", text).replace("PORT", str(port))
    path = directory / front.config
    path.write_text(text.replace("DIR", str(directory)))
    return path
