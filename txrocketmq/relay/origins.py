"""
Who asks: a program, our own page, or the page of somebody else.

Laws:

    - What changes something is done for no other page than our own.

    - A name that somebody else may let point to this machine opens nothing: a page
      of theirs would count as ours.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from twisted.web.http import Request

HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^:\[\]/@]*))(?::\d*)?")

PRIVATE = (".localhost", ".local", ".internal", ".home.arpa", ".svc")
"""
How names end that nobody can register.
"""


def isOurs(host: str, own: frozenset[str] = frozenset()) -> bool:
    """
    Whether a C{Host} is surely a name of this machine: an address, a name without a
    dot, one that nobody can register, or one that it was told.
    """
    match = HOST.fullmatch(host.lower())
    if match is None:
        return False
    name = match["v6"] or match["name"] or ""
    if name in own or name.endswith(PRIVATE):
        return True
    try:
        ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True


def isForeign(request: Request) -> bool:
    """
    Whether a request was made by the page of somebody else.
    """
    host = header(request, b"host")
    origin = header(request, b"origin")
    if origin and origin not in (f"http://{host}", f"https://{host}"):
        return True
    return header(request, b"sec-fetch-site") not in ("", "same-origin", "none")


def header(request: Request, name: bytes) -> str:
    """
    A header as text, if it is there.
    """
    return (request.getHeader(name) or b"").decode("latin-1")
