"""The TLS side of a connection; made anew for each, so that rotated certificates count."""

from __future__ import annotations

import ssl

from agent.config.messaging import TlsSection
from agent.errors import BrokerError


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave that to the collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def make_context(section: TlsSection) -> ssl.SSLContext:
    """Return a context that checks the server's certificate and name, always.

    Raises:
        BrokerError: A certificate or key file is missing or unusable.
    """
    try:
        context = ssl.create_default_context(cafile=section.ca_file)
    except (OSError, ValueError) as error:
        raise BrokerError(f"mqtt.tls.ca_file: {section.ca_file}: {_words(error)}") from error
    context.sslsocket_class = _TidySocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if section.certificate_file is not None:
        try:
            # An encrypted key would ask on the terminal: the empty password refuses it instead.
            context.load_cert_chain(section.certificate_file, section.key_file, password="")
        except (OSError, ValueError) as error:
            raise BrokerError(
                f"mqtt.tls.certificate_file: {section.certificate_file} with {section.key_file}: "
                f"{_words(error)}"
            ) from error
    return context


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"no usable PEM file ({error.reason or 'unreadable'})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def holds_bytes(sock: object) -> bool:
    """Return whether TLS has read more than it has given out, which no selector can see."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
