"""What every answer carries and what no request may do."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

log = logging.getLogger(__name__)

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: a form would then be posted with "Origin: null", and could not be told from a foreign one
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@web.middleware
async def security_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nothing from outside, nothing inline, nothing kept unless the handler says so."""
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        _dress(answer)
        raise
    _dress(response)
    return response


def _dress(response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page sends in a visitor's name.

    Browsers say in Sec-Fetch-Site or Origin where a request comes from; a request with neither isn't a browser's and
    has no cookie of anybody to abuse, so it is let through.
    """
    if request.method not in SAFE_METHODS and not is_own(request):
        log.warning("refused a %s of %s from %s", request.method, request.path, request.headers.get("Origin", "?"))
        raise web.HTTPForbidden
    return await handler(request)


def known_hosts(hosts: frozenset[str]) -> Middleware:
    """Answer under our own names only; with none given, under any.

    A foreign page can have its name resolve to 127.0.0.1 (DNS rebinding): its requests would count as same-origin.
    """

    @web.middleware
    async def only_known_hosts(request: web.Request, handler: Handler) -> web.StreamResponse:
        if hosts and urlsplit(f"//{request.host}").hostname not in hosts:
            log.warning("refused a request for the host %r", request.host)
            raise web.HTTPMisdirectedRequest
        return await handler(request)

    return only_known_hosts


def is_own(request: web.Request) -> bool:
    """Whether a request that changes something was sent by a page of ours."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host
