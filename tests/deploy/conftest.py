"""The origins of the integration tests."""

from tests.integration.conftest import (  # noqa: F401
    launch,
    no_complaints,
    origin,
    pytest_asyncio_loop_factories,
    spawn,
)
