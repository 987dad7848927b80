"""The packaged tools, one's own as the documentation shows them, and the accounting of one answer."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
import trio

from agent.errors import ConfigError, StoreError
from agent.providers.own_tools import PACKAGED, load_tools
from agent.think.facts import Fact
from agent.think.ports import ToolCall
from agent.think.tools.checked import checked
from agent.think.tools.decision import ENOUGH, Decision
from agent.think.tools.ports import Desk, EndCall, Result, Say, Tool, Transfer
from agent.think.tools.schema import schema
from agent.think.tools.toolbox import MOST_ARGUMENTS, Toolbox

DOCS = Path(__file__).parents[4] / "docs" / "tools.md"
BOX = Toolbox(PACKAGED)


def desk(**changes) -> Desk:
    usual = {
        "call_sid": "CA1",
        "caller": "+919812345678",
        "called": "+918012345678",
        "language": "en-IN",
        "transfer_to": "+918044556677",
        "facts": {"location": Fact("location", "Whitefield")},
        "last_words": "Which area?",
        "now": "2026-11-24T10:00:00+05:30",
    }
    return Desk(**usual | changes)


def run(tool_name: str, /, at: Desk | None = None, box: Toolbox = BOX, **arguments) -> Result:
    prepared = box.prepare(ToolCall("1", tool_name, msgspec.json.encode(arguments).decode()))
    if isinstance(prepared, Result):
        return prepared
    tool, filled_in = prepared
    return trio.run(tool.run, filled_in, at or desk())


@pytest.mark.parametrize(
    ("date", "time", "answer"),
    [
        ("2026-11-29", "11:00", "The visit is noted for Sunday, 29 November, 11:00 in Whitefield."),
        ("2026-11-24", "9:30", "is past; it is Tuesday 2026-11-24 10:00 now"),
        ("2026-11-23", "11:00", "is past"),
        ("2026-11-29", "22:00", "between 09:00 and 19:00"),
        ("2026-02-30", "11:00", "is no date. Give it as YYYY-MM-DD; today is 2026-11-24"),
        ("Sunday", "11:00", "is no date"),
        ("2026-11-29", "eleven", "is no time"),
        ("2028-11-29", "11:00", "for the next 180 days only"),
    ],
)
def test_a_visit_is_noted_or_the_model_is_told_what_to_mend(date: str, time: str, answer: str) -> None:
    result = run("schedule_site_visit", date=date, time=time)

    assert answer in result.text
    assert ("visit" in result.facts) is ("noted" in result.text and "only" not in result.text)


def test_lead_details_are_normalised_like_the_callers_own_words() -> None:
    result = run("save_lead_details", budget="eighty lakhs", name="Anil Kumar", location="Hebbal", timeline="")

    assert {name: fact.value for name, fact in result.facts.items()} == {
        "budget": "80 lakh rupees",
        "name": "Anil Kumar",
        "location": "Hebbal",
    }
    assert run("save_lead_details").facts == {}


def test_what_happens_next_is_told_with_the_result() -> None:
    assert run("transfer_to_human").then == Transfer("+918044556677")
    assert run("transfer_to_human", desk(transfer_to="")).then is None
    assert run("end_call").then == EndCall()
    assert run("repeat").then == Say("Which area?")
    assert run("repeat", desk(last_words="")).then is None


def test_a_call_that_is_wrong_gets_an_answer_that_a_model_can_use() -> None:
    for call, answer in (
        (ToolCall("1", "buy_flat", "{}"), "There is no tool 'buy_flat'"),
        (ToolCall("1", "schedule_site_visit", "{"), "Mend them"),
        (ToolCall("1", "schedule_site_visit", '{"time": "11:00"}'), "`date`"),
        (ToolCall("1", "schedule_site_visit", '{"date": 7, "time": []}'), "Mend them"),
        (ToolCall("1", "repeat", '{"a": "' + "x" * MOST_ARGUMENTS + '"}'), "too long"),
        (ToolCall("1", "repeat", "[" * 100_000), "too long"),
        (ToolCall("1", "repeat", "[" * 5000), "Mend them"),
    ):
        result = BOX.prepare(call)
        assert isinstance(result, Result)
        assert answer in result.text


def test_a_transfer_is_offered_only_where_there_is_somebody() -> None:
    assert "transfer_to_human" in {spec.name for spec in BOX.offered(desk())}
    assert "transfer_to_human" not in {spec.name for spec in BOX.offered(desk(transfer_to=""))}


def test_every_schema_is_one_object_without_references() -> None:
    for spec in BOX.offered(desk()):
        assert spec.parameters["type"] == "object"
        assert "$ref" not in str(spec.parameters)


class Place(msgspec.Struct):
    title: str
    within: "Place | None" = None


class Filter(msgspec.Struct, tag="filter"):
    properties: Annotated[Place, msgspec.Meta(description="where")]
    rooms: int = 2


async def search(_arguments: Filter, _desk: Desk) -> Result:
    return Result("")


def test_a_field_may_have_any_name_and_a_struct_may_contain_itself() -> None:
    described = schema(Tool("search", "Searches.", Filter, search))

    place = described["properties"]["properties"]
    assert place["description"] == "where"
    assert set(place["properties"]) == {"title", "within"}
    assert "$ref" not in str(described)


def test_a_null_for_what_may_be_left_out_is_left_out() -> None:
    box = Toolbox([Tool("search", "Searches.", Filter, search)])
    prepared = box.prepare(ToolCall("1", "search", '{"properties": {"title": "Hebbal"}, "rooms": null}'))

    assert not isinstance(prepared, Result)
    assert prepared[1].rooms == 2
    assert isinstance(box.prepare(ToolCall("1", "search", '{"properties": null}')), Result)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (None, "not NoneType"),
        (Result(7), "a result's text is a str"),
        (Result("", Transfer("the boss")), "Transfer needs a number"),
        (Result("", Say(" ")), "Say needs a text"),
        (Result("", EndCall), "then is Transfer, EndCall or Say"),
        (Result("", facts={"shoe_size": Fact("shoe_size", "9")}), "no fact 'shoe_size'"),
        (Result("", facts={"budget": "9"}), "must be a Fact"),
        (Result("", facts={"budget": Fact("budget", "9" * 301)}), "301 characters"),
    ],
)
def test_what_a_tool_of_ones_own_gives_back_is_looked_at(given: object, fault: str) -> None:
    with pytest.raises((TypeError, ValueError), match=fault):
        checked(given)


def test_a_result_that_is_too_long_is_cut() -> None:
    assert checked(Result("x" * 4001)).text == "x" * 4000 + "... (cut here)"
    assert checked(Result("x" * 4000)).text == "x" * 4000


def test_the_documented_tool_works_and_takes_its_place(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "tools.py"
    file.write_text(code, encoding="utf-8")

    box = load_tools(file)

    assert run("distance", box=box, area="Hebbal").text == "Hebbal is 9 kilometres from the centre."
    assert "Not known" in run("distance", box=box, area="Mysuru").text
    assert box.names == BOX.names | {"distance"}


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("x = ", "cannot be loaded: SyntaxError"),
        ("import nothing_like_it", "cannot be loaded: ModuleNotFoundError"),
        ("x = 1", "has no tools"),
        ("from agent.think.tools.own import tool\n@tool('d')\nasync def f(a: int, desk): ...", "msgspec.Struct"),
        ("from agent.think.tools.own import tool\n@tool('d')\ndef f(a, desk): ...", "must be an async function"),
        ("from agent.think.tools.own import tool\n@tool('d')\nasync def f(a): ...", "two parameters"),
        ("from agent.think.tools.own import tool\n@tool\nasync def f(a, desk): ...", "needs a description"),
        (
            "import msgspec\nfrom agent.think.tools.ports import Tool\nT = Tool('a b', '', msgspec.Struct, print)",
            "must be an async function",
        ),
    ],
)
def test_a_file_that_is_no_good_is_told_so_at_the_start(tmp_path: Path, code: str, fault: str) -> None:
    file = tmp_path / "tools.py"
    file.write_text(code, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_tools(file)

    assert fault in " ".join(caught.value.faults)
    assert str(file) in caught.value.faults[0]


def test_a_file_that_is_not_there_is_told_so() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_tools(Path("nowhere.py"))


def test_the_same_call_runs_once_however_it_is_written() -> None:
    decision = Decision(6)
    first = ToolCall("1", "save", '{"a": 1, "b": 2}')
    assert decision.ask(first) is None
    decision.done(first, Result("saved", EndCall()))

    again = decision.ask(ToolCall("2", "save", '{ "b":2,"a":1 }'))
    assert again == Result("saved")  # and it does not happen a second time either
    assert decision.ask(ToolCall("3", "save", '{"a": 2}')) is None


def test_a_model_that_never_stops_calling_is_stopped() -> None:
    decision = Decision(3)
    asked = [ToolCall(str(n), "end_call", f'{{"n": {n}}}') for n in range(337)]
    ran = 0
    for call in asked:
        known = decision.ask(call)
        ran += known is None
        decision.done(call, known or Result("done"))
    assert ran == 3
    assert decision.exhausted
    assert decision.messages[-1].text == ENOUGH


def test_who_asks_not_to_be_called_is_noted_and_told_so():
    asked = []

    async def refrain() -> bool:
        asked.append("asked")
        return True

    async def cannot() -> bool:
        return False

    async def fails() -> bool:
        raise StoreError("the store is away")

    noted = run("stop_calling", desk(refrain=refrain))
    assert asked == ["asked"]
    assert noted.text.startswith("Noted")
    for other in (cannot, fails):
        assert "could not be noted" in run("stop_calling", desk(refrain=other)).text
    assert noted.facts["do_not_call"].value == "yes"
    assert "stop_calling" in {spec.name for spec in BOX.offered(desk(refrain=refrain))}
    assert "stop_calling" not in {spec.name for spec in BOX.offered(desk())}
