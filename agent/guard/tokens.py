"""One-time tokens for media sockets: what a voice webhook told goes in, and comes out once, at the stream's start.

Anyone can open a media socket. The token proves that the call was announced by a webhook a moment ago: it holds the
call's particulars, sealed with a key, so any process with the key can check it, and each takes it once; that all of
them together take it once, `mark` is for. Pure: time (seconds since the epoch, so that machines agree) and randomness
are given.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable

import msgspec

from agent.guard.seal import Seal

_SID_BYTES = 40
"""Twilio's have 34."""

_FIELD_BYTES = 56
"""Numbers and names are cut to this: with the parameter's name a token must stay under Twilio's 500 characters."""

_PLACED_BYTES = 18
"""The same of a call that we placed: its numbers are E.164, and its order has to go in as well."""

_ORDER_BYTES = 34
_CAMPAIGN_BYTES = 40

_NONCE_BYTES = 12
_SEED_BYTES = 13
"""Of a nonce that was made from what announced the call: two lengths, two kinds."""

REPLAY_S = 30 * 86_400.0
"""So long the same announcement gets the same nonce taken no second time: a signature has no date."""
MEMORY_S = 86_400.0
"""The same within one process, which is all there is while the store does not answer."""


class Claims(msgspec.Struct, frozen=True, array_like=True):
    """What the webhook said about the call."""

    call_sid: str
    account_sid: str
    caller: str = ""
    called: str = ""
    direction: str = "inbound"
    line: str = ""
    language: str = ""
    voice: str = ""
    """The last three as the webhook's address told them; empty: not at all."""
    order: str = ""
    campaign: str = ""
    """Of a call that we placed, as its webhook's address told them."""
    leg: int = 1
    """Which of the call's media streams it is for; from the second on, it resumes the call."""


class _Sealed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    claims: Claims
    expires: float
    nonce: bytes


class Reason(enum.Enum):
    """Why a token is not taken."""

    MALFORMED = "malformed"
    FORGED = "forged"
    EXPIRED = "expired"
    OTHER_CALL = "made for another call"
    USED = "already used"


class Refusal(msgspec.Struct, frozen=True):
    """A token that is not taken."""

    reason: Reason


class Tokens:
    """Makes tokens, and takes each of them once."""

    def __init__(self, *keys: bytes, ttl_s: float, random: Callable[[int], bytes]) -> None:
        """Sealed with the first of the keys, opened with any. `random` gives that many unpredictable bytes, such as
        `secrets.token_bytes`."""
        self._seal = Seal(*keys)
        self._ttl_s = ttl_s
        self._random = random
        self._used: dict[bytes, float] = {}
        """Nonces of redeemed tokens with the time from which they need not be remembered."""
        self._taken: dict[str, tuple[int, float]] = {}
        """Calls whose stream came: the leg, and the time up to which every token lasts that they had been given for it
        by then."""
        self._sweep_at = 16

    def mint(self, claims: Claims, now: float, seed: str = "") -> str:
        """A token for one call, at most 484 characters. Tokens of one `seed`, such as the signature of the request that
        announced the call, are one token: whoever sends that request again gets what is used already. Raises ValueError
        for SIDs over 40 bytes."""
        if max(len(sid.encode("utf-8", "replace")) for sid in (claims.call_sid, claims.account_sid)) > _SID_BYTES:
            raise ValueError(f"a SID of more than {_SID_BYTES} bytes is none of Twilio's")
        size = _PLACED_BYTES if claims.order else _FIELD_BYTES
        short = msgspec.structs.replace(
            claims,
            caller=_cut(claims.caller, size),
            called=_cut(claims.called, size),
            direction=_cut(claims.direction, 16),
            line=_cut(claims.line, 32),
            order=_cut(claims.order, _ORDER_BYTES),
            campaign=_cut(claims.campaign, _CAMPAIGN_BYTES) if claims.order else "",
            language=_cut(claims.language, 16),
            voice=_cut(claims.voice, 32),
        )
        nonce = hashlib.sha256(seed.encode()).digest()[:_SEED_BYTES] if seed else self._random(_NONCE_BYTES)
        sealed = _Sealed(short, now + self._ttl_s, nonce)
        return self._seal.close(msgspec.msgpack.encode(sealed))

    def redeem(self, token: str, call_sid: str, account_sid: str, now: float) -> Claims | Refusal:
        """The claims, the first time a genuine, fresh token comes with its own call; else why not. A webhook that is
        asked again gives a token again: the first that comes voids those that the call was given before, and those of
        its earlier legs."""
        sealed = self._open(token)
        if isinstance(sealed, Refusal):
            return sealed
        if (sealed.claims.call_sid, sealed.claims.account_sid) != (call_sid, account_sid):
            return Refusal(Reason.OTHER_CALL)
        return self._take(sealed, now)

    def admit(self, token: str, now: float) -> Claims | Refusal:
        """The same before anybody has said which call it is: the claims tell what has to be said."""
        sealed = self._open(token)
        return sealed if isinstance(sealed, Refusal) else self._take(sealed, now)

    def mark(self, token: str, now: float) -> tuple[str, float]:
        """What a genuine token is remembered by among processes, and until when."""
        sealed = self._open(token)
        if isinstance(sealed, Refusal):
            raise ValueError(f"the token is {sealed.reason.value}")  # noqa: TRY004  not of a type, but of a kind
        return sealed.nonce.hex(), self._until(sealed, now, REPLAY_S)

    @property
    def remembered(self) -> int:
        """How many redeemed tokens are kept in mind."""
        return len(self._used)

    def _open(self, token: str) -> _Sealed | Refusal:
        payload = self._seal.open(token)
        if not isinstance(payload, bytes):
            return Refusal(Reason(payload))
        try:
            return msgspec.msgpack.decode(payload, type=_Sealed)
        except msgspec.DecodeError:  # from another version of ourselves, which has the same key
            return Refusal(Reason.MALFORMED)

    def _take(self, sealed: _Sealed, now: float) -> Claims | Refusal:
        if now >= sealed.expires:
            return Refusal(Reason.EXPIRED)
        self._forget(now)
        call_sid = sealed.claims.call_sid
        taken = self._taken.get(call_sid, (0, 0.0))
        if self._used.get(sealed.nonce, now) > now or (sealed.claims.leg, sealed.expires) < taken:
            return Refusal(Reason.USED)
        self._used[sealed.nonce] = self._until(sealed, now, MEMORY_S)
        self._taken[call_sid] = (sealed.claims.leg, now + self._ttl_s)
        return sealed.claims

    @staticmethod
    def _until(sealed: _Sealed, now: float, replay_s: float) -> float:
        return max(sealed.expires, now + replay_s) if len(sealed.nonce) == _SEED_BYTES else sealed.expires

    def _forget(self, now: float) -> None:
        """Each is looked at a few times in all, however many there are."""
        if len(self._used) + len(self._taken) > self._sweep_at:
            self._used = {nonce: until for nonce, until in self._used.items() if until > now}
            self._taken = {call_sid: taken for call_sid, taken in self._taken.items() if taken[1] > now}
            self._sweep_at = 2 * (len(self._used) + len(self._taken)) + 16


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
