"""What budgets stand at, and what a caller hears whose call cannot be paid for."""

from __future__ import annotations

import json

from agent.guard.budget import No
from agent.web.app import create_app
from agent.web.security import Gate
from agent.web.spending import PotView, Spend

DAY = PotView("day", 20.0, 1.5, 0.02, 0.1, 0.0, 1, "2026-11-27", {"2026-11-26": 3.0}, 0.4, "answers")


class Broke:
    """A purse with nothing in it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.no: No | None = No("pot", "the budget day of $20.00 is spent")

    async def admits(self, call_sid: str, info, until_s: float) -> No | None:
        self.asked.append((call_sid, info.line))
        return self.no

    def spend(self) -> Spend:
        return Spend([DAY])


def rich(built, purse, records=None):
    """The same face, with that purse."""
    from agent.lines import load_lines

    async def nowhere(_: str) -> None: ...

    settings = built.settings
    return create_app(
        settings, built.tokens, built.state, Gate(settings), load_lines(settings), nowhere, records, spending=purse
    ).test_client()


async def test_a_call_that_nothing_pays_for_is_told_that_all_lines_are_busy(face, twilio) -> None:
    built, purse = face(BUSY_TEXT="All lines are <busy> & so on."), Broke()
    built.client = rich(built, purse)
    response = await built.post("/twilio/voice", {"CallSid": twilio.call, "AccountSid": twilio.account})
    document = await response.get_data(as_text=True)

    assert response.status_code == 200
    assert "All lines are &lt;busy&gt; &amp; so on." in document
    assert "<Hangup" in document
    assert "<Connect" not in document
    assert purse.asked == [(twilio.call, "")]
    assert built.state.promised == {}


async def test_a_call_that_is_paid_for_is_connected(face, twilio) -> None:
    built, purse = face(), Broke()
    purse.no = None
    built.client = rich(built, purse)
    response = await built.post("/twilio/voice", {"CallSid": twilio.call, "AccountSid": twilio.account})

    assert "<Connect" in await response.get_data(as_text=True)
    assert set(built.state.promised) == {twilio.call}


async def test_who_may_read_is_told_how_budgets_stand(house) -> None:
    built, archive = house()
    client = rich(built, Broke(), archive.reading)
    response = await client.get("/api/spend")

    assert response.status_code == 200
    (told,) = json.loads(await response.get_data())["budgets"]
    assert (told["budget"], told["cap_usd"], told["spent_usd"], told["past"]) == ("day", 20.0, 1.5, {"2026-11-26": 3.0})
    assert (await client.get("/api/spend?x=1")).status_code == 400
    assert (await client.get("/api/spend", headers={"Host": "voice.example.in"})).status_code == 403


async def test_without_budgets_there_is_nothing_to_tell(house) -> None:
    built, _ = house()
    response = await built.client.get("/api/spend")

    assert json.loads(await response.get_data()) == {"budgets": []}


async def test_the_description_has_it(house) -> None:
    built, _ = house()
    described = json.loads(await (await built.client.get("/openapi.json")).get_data())

    assert "200" in described["paths"]["/api/spend"]["get"]["responses"]
    assert "PotView" in described["components"]["schemas"]
