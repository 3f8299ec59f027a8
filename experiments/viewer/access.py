"""Who may look: nothing is served, and no websocket opened, without the token of the address that was printed."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REFUSED = "This viewer wants the whole address that 'vertebroplasty view' printed, with its token."


@dataclass(frozen=True)
class AccessGuard:
    """Lets in whoever knows the token.

    The address with the token leads to one without, so that the token is not seen, and leaves a cookie. Browsers send
    it with everything that the page asks for, the websocket included, and keep it from other sites.

    Attributes:
        token: random text of the address.
        cookie: name of the cookie; viewers on several ports of one machine must not share it.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    cookie: str = field(default_factory=lambda: f"vertebroplasty-{secrets.token_hex(4)}")

    def middleware(self) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
        """The guard as aiohttp takes it, before everything else."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            by_address = self._knows(request.query.get("token"))
            if not (by_address or self._knows(request.cookies.get(self.cookie))) or not _same_origin(request):
                raise web.HTTPForbidden(text=REFUSED)
            if by_address and not _opens_websocket(request):
                raise web.HTTPFound(f"/{request.path.lstrip('/')}", headers={"Set-Cookie": self._set_cookie()})
            return await handler(request)

        return guarded

    def _knows(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def _set_cookie(self) -> str:
        jar = SimpleCookie({self.cookie: self.token})
        morsel = jar[self.cookie]
        morsel["path"], morsel["httponly"], morsel["samesite"] = "/", True, "Strict"
        return morsel.OutputString()


def _opens_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _same_origin(request: web.Request) -> bool:
    """Whether the request comes from our own page, or from no page; another port of this machine is a stranger."""
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.host}"
