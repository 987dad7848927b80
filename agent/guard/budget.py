"""What one process may spend: caps and reports in, "you may" or why not out. Pure; times are seconds on a clock that
only goes forward. In one file, since whatever is reserved, settled or released has to add up.

A turn is reserved before it is taken, out of what the process holds of every pot that its call belongs to, and of what
the call itself may still cost; what it has really cost is settled as it becomes known, and what was reserved and not
needed is released at its end. See pot.py for what processes share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from agent.guard.pot import HOLD_S, MICRO, REAP_S, Grant, Pot, Report, Resumed

LINGER_S = 600.0
"""After its end a call is still told to the store: for whoever finds its record in a journal meanwhile."""

SPARE = 2
"""New calls for which there is always money in hand."""

DAY = "day"


class Campaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Caps of one campaign or line, in micro-dollars."""

    day: int | None = None
    total: int | None = None
    call: int | None = None


class Caps(msgspec.Struct, frozen=True):
    """All that are set, in micro-dollars."""

    call: int | None = None
    day: int | None = None
    campaigns: Mapping[str, Campaign] = {}

    def pots(self, key: str) -> tuple[str, ...]:
        """Those that a call of this campaign or line is paid from."""
        campaign = self.campaigns.get(key, Campaign())
        return (
            *([DAY] if self.day is not None else []),
            *([f"{key}/{DAY}"] if campaign.day is not None else []),
            *([f"{key}/total"] if campaign.total is not None else []),
        )

    def of(self, pot: str) -> int:
        """A pot's."""
        key, _, kind = pot.rpartition("/")
        campaign = self.campaigns.get(key, Campaign())
        caps = {DAY: campaign.day if key else self.day, "total": campaign.total}
        return caps[kind] or 0

    def of_call(self, key: str) -> int | None:
        """What one call may cost; None: whatever it does."""
        own = self.campaigns.get(key, Campaign()).call
        return self.call if own is None else own

    @property
    def all_pots(self) -> tuple[str, ...]:
        """Every pot there is."""
        found = [DAY] if self.day is not None else []
        for key in self.campaigns:
            found += (pot for pot in self.pots(key) if pot != DAY)
        return tuple(found)


class Needs(msgspec.Struct, frozen=True):
    """What is put by, in micro-dollars: a careful estimate."""

    call: int
    """For a whole call beside its turns: the greeting, the goodbye, a last utterance, the summary."""
    turn: int
    """For one request to the model, and the speaking of its answer."""


class No(msgspec.Struct, frozen=True):
    """Why nothing may be spent."""

    why: Literal["call", "pot", "store"]
    """The call's cap, a pot's, or nothing in hand while the store does not answer."""
    words: str


@dataclass
class _Account:
    """One call's."""

    key: str
    pots: tuple[str, ...]
    cap: int | None
    put_by: int
    until: float = float("inf")
    """Of a call that is only announced, or just over: when it is forgotten."""
    before: int = 0
    """What an earlier stream of the same call has cost."""
    spent: int = 0
    reserved: int = 0
    over: bool = False
    announced: bool = False
    resumed: Resumed | None = None

    @property
    def bound(self) -> int:
        """Not to be spent by others."""
        return self.reserved + self.put_by


@dataclass
class _Hand:
    """What this process holds of one pot."""

    cap: int
    have: int = 0
    beat: int = 0
    told_at: float = float("-inf")
    """When the last report that was answered was begun."""
    hungry: int = 0
    """Wanted in vain since the last report."""
    news: bool = False
    """Something was spent or set free since."""
    pot: Pot = field(default_factory=Pot)
    """As it was last seen."""
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Other processes' beats, and since when they are unchanged."""


class Budget:
    """One process's. Nothing here is a checkpoint."""

    def __init__(self, caps: Caps, needs: Needs, holder: str) -> None:
        """`holder`: a name that no other process has, nor had."""
        self.caps = caps
        self.needs = needs
        self.holder = holder
        self._hands = {pot: _Hand(caps.of(pot)) for pot in caps.all_pots}
        self._accounts: dict[str, _Account] = {}

    # What calls ask.

    def announce(self, call_sid: str, key: str, now: float, until: float) -> No | None:
        """A call is about to come: put by what it needs to begin. Forgotten at `until`, unless it is opened."""
        if call_sid in self._accounts:
            return None
        return self._begin(call_sid, key, now, until, announced=True)

    def open(self, call_sid: str, key: str, now: float) -> No | None:
        """The call goes on from here, also where this says no: then it is told to end."""
        known = self._accounts.get(call_sid)
        if known is not None and known.announced:
            known.announced, known.until = False, float("inf")
            return None
        no = self._begin(call_sid, key, now, float("inf"), announced=False)
        if no is not None:
            self._accounts[call_sid] = _Account(key, self.caps.pots(key), self.caps.of_call(key), 0)
        if known is not None:
            account = self._accounts[call_sid]
            account.before = account.spent = known.spent
        return no

    def resume(self, call_sid: str, key: str, now: float, resumed: Resumed) -> None:
        """The call goes on from here, and has gone on before, in this process or another: what it has cost then counts
        for its own cap, and is not paid again. It is not asked whether it can be paid for: its next turn is."""
        pots, cap = self.caps.pots(key), self.caps.of_call(key)
        put_by = self.needs.call if self._lacks(pots, self.needs.call, now) is None else 0
        self._accounts[call_sid] = _Account(key, pots, cap, put_by, spent=resumed.before, resumed=resumed)

    def reserve(self, call_sid: str, amount: int, now: float) -> No | None:
        """So much more may be spent by this call. Raises KeyError for a call that is not open."""
        account = self._open(call_sid)
        if account.cap is not None and account.spent + account.bound + amount > account.cap:
            return No("call", f"the call's budget of {dollars(account.cap)} is spent")
        no = self._lacks(account.pots, amount, now)
        if no is None:
            account.reserved += amount
        return no

    def settle(self, call_sid: str, spent: int) -> None:
        """This is what the call has cost by now: more than before, or less where a guess was too high. Raises KeyError
        for a call that nobody has opened."""
        account = self._known(call_sid)
        more = account.before + spent - account.spent
        account.spent += more
        account.reserved = max(account.reserved - max(more, 0), 0)
        for pot in account.pots:
            self._hands[pot].have -= more
            self._hands[pot].news = True

    def release(self, call_sid: str) -> None:
        """Nothing is reserved any more: the turn is over. Raises KeyError for a call that is not open."""
        self._open(call_sid).reserved = 0

    def close(self, call_sid: str, spent: int, now: float) -> None:
        """The call is over, and has cost this much in all. Done again it changes nothing but that. Raises KeyError for
        a call that nobody has opened."""
        self.settle(call_sid, spent)
        account = self._accounts[call_sid]
        account.over, account.reserved, account.put_by, account.until = True, 0, 0, now + LINGER_S

    def refuses(self, key: str, now: float) -> No | None:
        """Why no call of this campaign or line can begin; nothing is put by."""
        cap, need = self.caps.of_call(key), self.needs.call + self.needs.turn
        if cap is not None and need > cap:
            return No("call", f"a call's budget of {dollars(cap)} does not suffice for one turn ({dollars(need)})")
        return self._lacks(self.caps.pots(key), need, now)

    @property
    def open_calls(self) -> tuple[str, ...]:
        """Calls that go on, by CallSid."""
        return tuple(sid for sid, account in self._accounts.items() if not (account.over or account.announced))

    def reserved(self, pot: str) -> int:
        """By the calls of this process."""
        return self._bound(pot)

    def hand(self, pot: str) -> tuple[Pot, float]:
        """The pot as it was last seen, and when; minus infinity: never."""
        return self._hands[pot].pot, self._hands[pot].told_at

    def forget(self, now: float) -> None:
        """Remember nothing of calls that never came, or have long been over."""
        self._accounts = {sid: account for sid, account in self._accounts.items() if account.until > now}

    # What the store is told, and tells.

    def low(self) -> bool:
        """It is time to report: there is less in hand than there should be, or others wait for news."""
        return any(
            hand.hungry or 2 * self._free(pot) < self._spare(pot) or (hand.news and self._others_want(hand))
            for pot, hand in self._hands.items()
        )

    def report(self, pot: str, day: str, now: float, *, leaving: bool = False) -> Report:
        """What to tell the store of this pot. What is given back by it is not in hand any more."""
        hand = self._hands[pot]
        need = self._bound(pot) + max(self._spare(pot), hand.hungry)
        hand.have = max(hand.have, 0)  # what was spent beyond it is in what calls have cost
        hand.news, others_want = False, self._others_want(hand)
        if others_want and not hand.hungry:
            need = self._bound(pot) + self.needs.turn * self._calls(pot)
        hand.have = min(hand.have, need if others_want else 2 * need)
        return Report(
            self.holder,
            hand.cap,
            day,
            hand.have,
            hand.beat,
            {sid: account.spent for sid, account in self._accounts.items() if pot in account.pots},
            need,
            {holder: beat for holder, (beat, since) in hand.seen.items() if now - since >= REAP_S},
            leaving,
            {sid: a.resumed for sid, a in self._accounts.items() if a.resumed is not None and pot in a.pots},
        )

    def took(self, pot: str, grant: Grant, begun: float, now: float) -> None:
        """The store has answered a report that was begun then."""
        hand = self._hands[pot]
        if grant.void:
            hand.have = min(hand.have, 0)
        hand.have += grant.granted
        hand.beat, hand.told_at, hand.hungry, hand.pot = grant.beat, begun, 0, grant.pot
        beats = {holder: lease.beat for holder, lease in grant.pot.leases.items() if holder != self.holder}
        hand.seen = {
            holder: hand.seen[holder] if hand.seen.get(holder, (0, 0.0))[0] == beat else (beat, now)
            for holder, beat in beats.items()
        }

    # Within.

    def _begin(self, call_sid: str, key: str, now: float, until: float, *, announced: bool) -> No | None:
        no = self.refuses(key, now)
        if no is None:
            pots, cap = self.caps.pots(key), self.caps.of_call(key)
            self._accounts[call_sid] = _Account(key, pots, cap, self.needs.call, until, announced=announced)
        return no

    def _open(self, call_sid: str) -> _Account:
        account = self._known(call_sid)
        if account.over or account.announced:
            raise KeyError(f"no call {call_sid} is paid for here")
        return account

    def _known(self, call_sid: str) -> _Account:
        account = self._accounts.get(call_sid)
        if account is None:
            raise KeyError(f"no call {call_sid} is paid for here")
        return account

    def _lacks(self, pots: Iterable[str], amount: int, now: float) -> No | None:
        found = None
        for pot, hand in self._hands_of(pots):
            away = now - hand.told_at > HOLD_S
            if away or self._free(pot) < amount:
                hand.hungry = max(hand.hungry, amount)
                known = hand.cap - hand.pot.spent - self._bound(pot)
                if away or known >= amount:
                    found = found or No("store", f"nothing of the budget {pot} is in hand")
                else:
                    found = No("pot", f"the budget {pot} of {dollars(hand.cap)} is spent")
        return found

    def _others_want(self, hand: _Hand) -> bool:
        return any(holder != self.holder for holder in hand.pot.short)

    def _hands_of(self, pots: Iterable[str]) -> list[tuple[str, _Hand]]:
        return [(pot, self._hands[pot]) for pot in pots]

    def _free(self, pot: str) -> int:
        return self._hands[pot].have - self._bound(pot)

    def _bound(self, pot: str) -> int:
        return self._sum(pot, lambda account: account.bound)

    def _calls(self, pot: str) -> int:
        return self._sum(pot, lambda account: 0 if account.over else 1)

    def _spare(self, pot: str) -> int:
        return SPARE * (self.needs.call + self.needs.turn) + self._calls(pot) * self.needs.turn

    def _sum(self, pot: str, of: Callable[[_Account], int]) -> int:
        return sum(of(account) for account in self._accounts.values() if pot in account.pots)


def dollars(micros: int) -> str:
    """As one writes it: $1.50, or $0.0012 where cents do not tell it."""
    return f"${micros / MICRO:.2f}" if micros % 10_000 == 0 else f"${micros / MICRO:.6f}".rstrip("0")
