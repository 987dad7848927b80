"""Who may speak to the Twilio face: addresses as Twilio knows them and signatures in, yes or no out.

What a request says about itself (Host, X-Forwarded-Proto) counts only where PUBLIC_URL is empty, which is for
development: behind a tunnel such as ngrok they are right, and nothing depends on them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import structlog

from agent.config import Settings
from agent.web.headers import security_headers
from agent.web.origin import own_origin
from agent.wire import signature

MEDIA_PATH = "/twilio/media"

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_FORWARDED = {"https": "https", "wss": "https", "http": "http", "ws": "http"}

log = structlog.get_logger(__name__)


def the_one(values: Sequence[str]) -> str:
    """A header that is given once; twice is none, for nobody can say which of them a proxy has looked at."""
    return values[0] if len(values) == 1 else ""


class Gate:
    """Checks what claims to come from Twilio, as strictly as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._public = settings.PUBLIC_URL.rstrip("/")
        self._policy = settings.signature
        self._tokens = settings.auth_tokens
        self._account = settings.TWILIO_ACCOUNT_SID
        self.headers = security_headers(settings)
        """Of every answer that the door itself gives."""

    def base(self, host: str, forwarded_proto: str) -> str:
        """Our public address without a slash at its end; "" where it is unknown and the Host header is no host."""
        if self._public:
            return self._public
        scheme = _FORWARDED.get(forwarded_proto.partition(",")[0].strip().lower(), "http")
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else ""

    @property
    def required(self) -> bool:
        """Whether what passes is signed."""
        return self._policy == "require"

    def account(self, sid: str) -> bool:
        """Whether a call of this account is ours: a valid signature may be another account's (shared keys)."""
        return not self.required or self._account in {"", sid}

    def webhook(self, url: str, given: str, fields: signature.Fields, body: bytes | None) -> bool:
        """Whether a webhook at this public address may pass; `body` where it is not a form."""
        if self._policy == "off":
            return True
        fits = signature.valid(given, signature.webhook_urls(url), self._tokens, fields=fields, body=body)
        return self._passes(fits, "webhook", given)

    def page(self, origin: str, host: str) -> bool:
        """Whether what has no signature, and a token instead, may come from a page of this origin; "": from none."""
        return not origin or own_origin(origin, host, self._public)

    def media(self, host: str, forwarded_proto: str, given: str) -> bool:
        """Whether an upgrade to a media socket may pass."""
        if self._policy == "off":
            return True
        base = self.base(host, forwarded_proto)
        urls = signature.media_urls(base + MEDIA_PATH) if base else ()
        return self._passes(signature.valid(given, urls, self._tokens), "media socket", given)

    def _passes(self, fits: bool, what: str, given: str) -> bool:
        if not fits:
            log.warning("signature does not fit", what=what, present=bool(given), policy=self._policy)
        return fits or self._policy == "log"
