"""X-Twilio-Signature: an address, form fields and a token in; a signature, or yes or no, out.

Twilio signs the address it called as it was configured (for a media socket its `wss://` form) followed by the form's
fields, with HMAC-SHA1 and the account's primary auth token. A JSON body is not signed itself: its SHA-256 stands in
the address as `bodySHA256`.

X-Twilio-Webhooks-Signature-Settings, which names another key and algorithm, is not read: a header that nobody has
signed cannot say what a signature has to be. <https://www.twilio.com/docs/usage/security>
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

Fields = Iterable[tuple[str, str]]
"""Decoded names and values of a form in the order they came, blanks kept, nothing trimmed."""

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def sign(url: str, fields: Fields, token: str, algorithm: Literal["sha1", "sha256"] = "sha1") -> str:
    """The signature Twilio would send for this address and form, in base64.

    Names go in code point order; a repeated name contributes each distinct value once, in order.
    """
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(token.encode(), text.encode("utf-8", "replace"), algorithm)).decode()


def valid(
    signature: str,
    urls: Iterable[str],
    token: str | Iterable[str],
    *,
    fields: Fields = (),
    body: bytes | None = None,
) -> bool:
    """Whether the signature fits one of the addresses, by the token or one of the tokens.

    Give `fields` for a form or `body` for anything else that is not empty; such a body must have its hash in the
    address. An empty token fits nothing. Takes the same time whichever address and token fit, or none.
    """
    tokens = [each for each in ((token,) if isinstance(token, str) else token) if each]
    form = tuple(fields) if body is None else ()
    given = signature.encode("utf-8", "replace")
    fits = False
    for url in urls:
        allowed = body is None or _body_fits(url, body)
        for each in tokens:
            fits |= hmac.compare_digest(sign(url, form, each).encode(), given) and allowed
    return fits


def webhook_urls(url: str) -> tuple[str, ...]:
    """The forms in which Twilio may have signed the address of a webhook: with its port and without."""
    parts = _bare(url)
    return tuple(urlunsplit(parts._replace(netloc=host)) for host in _hosts(parts))


def media_urls(url: str) -> tuple[str, ...]:
    """The forms in which Twilio may have signed the address of a media socket, given as http(s) or ws(s).

    Always a WebSocket scheme: a signature over the `https` form is somebody else's. The trailing slash is Twilio's
    advice for handshakes; what it does with a port is not documented, so both ways pass.
    """
    parts = _bare(url)
    parts = parts._replace(scheme={"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme), query="")
    path = parts.path.rstrip("/")
    return tuple(
        urlunsplit(parts._replace(netloc=host, path=path + slash)) for host in _hosts(parts) for slash in ("", "/")
    )


def _bare(url: str) -> SplitResult:
    """Without what is never sent and so never signed: the fragment and the credentials."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")


def _hosts(parts: SplitResult) -> tuple[str, str]:
    port = f":{parts.port}" if parts.port is not None else ""
    name = parts.netloc.removesuffix(port)
    return parts.netloc, (name if port else f"{name}:{_DEFAULT_PORTS.get(parts.scheme, 443)}")


def _body_fits(url: str, body: bytes) -> bool:
    stated = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), stated.lower().encode("utf-8", "replace"))
