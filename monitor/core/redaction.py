"""Which parts of a text are logins?"""

from __future__ import annotations

import re

MASK = "***"

USERINFO = re.compile(r"(?<=://)[^\s\"'<>]*@")
AUTHORIZATION = re.compile(r"(?i)\b(authorization\s*[:=]\s*)[^\r\n]+")
ASSIGNMENT = re.compile(r"(?i)\b((?:password|passwd|pwd|secret|token)[\"']?\s*[=:]\s*)[^\s&,;}]+")


def redact_text(text: str) -> str:
    """``text`` without the logins of URLs, ``Authorization`` headers and ``password=`` assignments.

    A password may hold "/" and "@", so all up to the last "@" of a URL counts as its login.

    >>> redact_text("rtsp://admin:p@ss@10.1.2.3/live")
    'rtsp://***@10.1.2.3/live'
    """
    text = USERINFO.sub(f"{MASK}@", text)
    text = AUTHORIZATION.sub(rf"\g<1>{MASK}", text)
    return ASSIGNMENT.sub(rf"\g<1>{MASK}", text)
