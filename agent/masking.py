"""Logins in text, made unreadable: before it is logged, shown, or told to another process."""

from __future__ import annotations

import re

#: Up to the last @ of a word, so that a slash or an @ inside a password hides nothing of it.
_LOGIN = re.compile(r"(?<=://)[^\s'\"]*@")
_PASSWORD = re.compile(r"\b(pass|passwd|password|pwd|token)=[^&\s'\"]+", re.IGNORECASE)
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")


def mask_credentials(text: str) -> str:
    """Return a text with every login in an address, and every password in a query, masked."""
    return _PASSWORD.sub(r"\1=***", _LOGIN.sub("***@", text))


def mask_camera_addresses(text: str) -> str:
    """Return the same without the whole query: cameras take passwords under any name there."""
    return _QUERY.sub(r"\1?***", mask_credentials(text))
