"""What is counted of calls that have several legs, on several processes: moved, resumed, rescued, turned away.

Told by whoever does it, as it is done. None of these is a checkpoint.
"""

from __future__ import annotations

from typing import Literal, get_args

from agent.metrics import OTHER, Count, Times

HandOff = Literal["moved", "over", "kept", "failed"]
"""What became of a hand-off, for the process that leaves: `moved`, its stream was ended for another one to take the
call; `over`, it ended before there was a quiet moment; `kept`, there was none in time, and it was taken leave of;
`failed`, its stream was ended before the store had all of it."""

Resumed = Literal["hand-off", "connection lost", "process gone"]
"""Why there is one more leg: as in the record's `Leg.why`."""

Rescue = Literal["sent", "unneeded", "refused", "failed"]
"""What became of a rescue: `unneeded`, the call had resumed or ended meanwhile; `refused`, by the carrier; `failed`,
the carrier could not be asked."""

TurnedAway = Literal["fenced", "over"]
"""Why a leg was not taken: another one is as new; the call is over."""

HAND_OFFS = Count("handoffs", "Calls that this process was to hand to another as it left, by what became.", "result")
RESUMED = Count("resumed", "Calls that went on here after their first leg, by why there was one more.", "why")
GAP = Times(
    "resume_gap_seconds",
    "From the last that a caller heard or said on one leg to the next one's start.",
    "why",
    buckets=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0),
)
RESCUES = Count("rescues", "Calls whose stream died and that REST was to bring back, by what became.", "result")
TURNED_AWAY = Count("legs_turned_away", "Streams that wanted to go on with a call and were not let, by why.", "why")

for _result in get_args(HandOff):
    HAND_OFFS.begin(result=_result)
for _result in get_args(Rescue):
    RESCUES.begin(result=_result)
for _why in get_args(Resumed):
    RESUMED.begin(why=_why)
    GAP.begin(why=_why)
for _why in get_args(TurnedAway):
    TURNED_AWAY.begin(why=_why)


def handed_off(result: HandOff) -> None:
    HAND_OFFS.add(result=result)


def resumed(why: str, gap_s: float | None = None) -> None:
    """A call goes on here; `why` is one of `Resumed`. `gap_s`: for how long nobody was there, where that is known."""
    why = why if why in get_args(Resumed) else OTHER  # as another version may have written it
    RESUMED.add(why=why)
    if gap_s is not None:
        GAP.took(gap_s, why=why)


def rescued(result: Rescue) -> None:
    RESCUES.add(result=result)


def turned_away(why: TurnedAway) -> None:
    TURNED_AWAY.add(why=why)
