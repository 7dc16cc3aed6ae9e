"""Who may look after the origin: whoever has the admin key; and, to look and no more, this machine.

Asked before the application that answers hears of a request. Later, tokens that open less than
everything are read here as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from sorgente.errors import AdminKeyNeeded, NoAdminKey
from sorgente.http.access import is_local
from sorgente.http.credentials import offered
from sorgente.http.request import Request
from sorgente.keys import Key


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """Decides who may use the API."""

    key: Key | None

    def check(self, request: Request, host: str, *, reads: bool) -> None:
        """Let ``request`` pass, which comes from the address ``host``, and ``reads`` only or
        changes something.

        Raises:
            AdminKeyNeeded: it has no key, or a wrong one.
            NoAdminKey: there is no key, and one is needed.
        """
        looks = reads and is_local(request, host)
        if self.key is None:
            if looks:
                return
            raise NoAdminKey
        keys = offered(request)
        if looks and not keys:
            return
        if not any(self.key.opens_to(each) for each in keys):
            raise AdminKeyNeeded(wrong=bool(keys))
