"""Passwords and camera addresses: where they may stand, and how they are put together.

A settings file is read by many, so no password is in it: it names an environment
variable or a file that only the agent can read. They are read when they are used, so that
a changed file counts from the next connect on, and `check-config` needs none.
"""

from __future__ import annotations

import base64
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from agent.errors import ConfigError

#: What OpenCV may be asked to open over the network.
STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
_MAX_PASSWORD_BYTES = 4096
_MIN_MASKED_CHARACTERS = 4
MIN_TOKEN_CHARACTERS = 16
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_QUERY_PASSWORD = re.compile(r"(pass|passwd|password|pwd|token)=(?!\{password\})", re.IGNORECASE)


class Account(Protocol):
    """The keys of a section that logs in somewhere."""

    @property
    def username(self) -> str | None:
        """The user's name, or None."""

    @property
    def password_env(self) -> str | None:
        """The environment variable with the password, or None."""

    @property
    def password_file(self) -> Path | None:
        """The file with the password, or None."""


class TokenHolder(Protocol):
    """The keys of a section whose page is shown to those who know a token."""

    @property
    def token_env(self) -> str | None:
        """The environment variable with the token, or None."""

    @property
    def token_file(self) -> Path | None:
        """The file with the token, or None."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Reads passwords; `where` in its methods is the section's place in the file."""

    file: str
    environment: Mapping[str, str]

    def password(self, account: Account, where: str) -> str | None:
        """Return the password, or None when none is configured.

        Raises:
            ConfigError: The variable is not set, or the file is missing, open to everybody,
                empty or too long.
        """
        if account.password_env is not None:
            return self._from_environment(account.password_env, f"{where}.password_env")
        if account.password_file is not None:
            return self._from_file(account.password_file, f"{where}.password_file")
        return None

    def token(self, holder: TokenHolder, where: str) -> str | None:
        """Return the token, or None when none is configured.

        Raises:
            ConfigError: As for a password, or it is too short to be safe from guessing.
        """
        if holder.token_env is not None:
            token = self._from_environment(holder.token_env, f"{where}.token_env")
        elif holder.token_file is not None:
            token = self._from_file(holder.token_file, f"{where}.token_file")
        else:
            return None
        if len(token) < MIN_TOKEN_CHARACTERS:
            raise ConfigError(
                f"{self.file}: {where}: the token has fewer than {MIN_TOKEN_CHARACTERS} "
                "characters: make one with: openssl rand -hex 24"
            )
        return token

    def _from_environment(self, name: str, key: str) -> str:
        password = self.environment.get(name)
        if not password:
            raise ConfigError(
                f"{self.file}: {key}: environment variable {name} is not set: set it, or use "
                "password_file"
            )
        return password

    def _from_file(self, path: Path, key: str) -> str:
        place = f"{self.file}: {key}: {path}"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(f"{place}: {error.strerror}: create it, mode 0640") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{place}: expected a regular file")
            if status.st_mode & stat.S_IRWXO:
                raise ConfigError(f"{place}: everybody may read it: chmod o-rwx {path}")
            content = file.read(_MAX_PASSWORD_BYTES + 1)
        return self._checked(content, place)

    def _checked(self, content: bytes, place: str) -> str:
        if len(content) > _MAX_PASSWORD_BYTES:
            raise ConfigError(f"{place}: longer than {_MAX_PASSWORD_BYTES} bytes")
        try:
            password = content.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            # From None: the cause would carry the password's bytes.
            raise ConfigError(f"{place}: is not UTF-8 (byte {error.start})") from None
        if not password or "\n" in password or "\0" in password:
            raise ConfigError(f"{place}: expected the password on one line")
        return password


def account_fault(account: Account) -> str | None:
    """Return what is wrong with the login keys of a section, or None."""
    if account.password_env is not None and account.password_file is not None:
        return "password_file: give either password_env or password_file"
    has_password = account.password_env is not None or account.password_file is not None
    if has_password and account.username is None:
        return "username: is missing beside the password"
    if account.password_env is not None and not _VARIABLE.fullmatch(account.password_env):
        # Not shown: it may well be the password itself.
        return "password_env: must be a variable's name such as MQTT_PASSWORD"
    return None


def host_fault(host: str) -> str | None:
    """Return what is wrong with the broker's host, or None; it is named in messages."""
    if any(mark in host for mark in "/@?") or not host.isprintable():
        return "host: must be a name or an address alone, without a scheme or a login"
    return None


def source_fault(source: str, account: Account) -> str | None:
    """Return what is wrong with a camera's source, or None.

    A password inside the address is refused, not warned about: settings files are copied
    into tickets and backups.
    """
    if not is_address(source):
        return None if account.username is None else "username: only an address can have one"
    if "@" in source.split("?", maxsplit=1)[0] or _QUERY_PASSWORD.search(source):
        return (
            "source: holds a login: take it out and set username and password_env or "
            "password_file ({username} and {password} in the address mark their place)"
        )
    scheme = source.partition("://")[0]
    if scheme.lower() not in STREAM_SCHEMES:
        return f"source: got {scheme[:20]}://: must be one of {', '.join(STREAM_SCHEMES)}"
    if not _has_host(source):
        return "source: must be an address such as rtsp://host:554/path"
    return None


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_address(source: str) -> bool:
    """Return whether a camera's source is an address, not a device or a file."""
    return "://" in source


def with_login(source: str, username: str, password: str) -> str:
    """Return the address with its login, escaped, at its marks or before the host."""
    user, secret = quote(username, safe=""), quote(password, safe="")
    if "{password}" in source:
        return source.replace("{username}", user).replace("{password}", secret)
    scheme, _, rest = source.partition("://")
    return f"{scheme}://{user}:{secret}@{rest}" if password else f"{scheme}://{user}@{rest}"


def login_spellings(username: str, password: str) -> tuple[str, ...]:
    """Return everything that tells a login when it stands in a decoder's output.

    A password of three characters and less is left out: it would mask half of every line.
    """
    if len(password) < _MIN_MASKED_CHARACTERS:
        return ()
    basic = base64.b64encode(f"{username}:{password}".encode()).decode()
    return (basic, quote(password, safe=""), quote(password), password)
