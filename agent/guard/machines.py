"""What to do about who has answered a call that we placed: the carrier's verdict in, a deed out. Pure."""

from __future__ import annotations

from typing import Literal

Policy = Literal["off", "hang-up", "message"]
Deed = Literal["go on", "hang up", "leave a message"]


def deed(answered_by: str, policy: Policy) -> Deed:
    """`answered_by` as Twilio says it: human, machine_start, machine_end_beep, machine_end_silence, machine_end_other,
    fax, unknown; empty where it has said nothing in time. Who is not known for a machine is talked to."""
    if policy == "off" or not answered_by.startswith(("machine", "fax")):
        return "go on"
    # A machine whose greeting has not ended cannot be spoken to; it is told with the other policy only.
    return "leave a message" if policy == "message" and answered_by.startswith("machine_end") else "hang up"
