"""The list of models, as servers tell it and as they should not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from agent.errors import Fault, ProviderError
from agent.providers.openai_models import OpenAIModels
from tests.fakes.openai_case import connected, nothing_left
from tests.fakes.openai_launch import Fake, launch


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with launch() as running:
        yield running


async def test_last_days_are_dates_and_whatever_is_none_counts_as_none(fake: Fake) -> None:
    fake.plan(models={"a": "2027-01-06", "b": "2027-01-06T12:00:00Z", "c": None, "d": "soon", "e": 1798761600})
    async with connected(fake.base_url) as (client, _):
        found = await OpenAIModels(client).models()

    assert found == {"a": date(2027, 1, 6), "b": date(2027, 1, 6), "c": None, "d": None, "e": None}
    await nothing_left(fake)


@pytest.mark.parametrize("body", ["<html>", "{}", '{"data": null}', '{"data": [{"object": "model"}]}', "[]"])
async def test_what_is_no_list_is_a_broken_server(fake: Fake, body: str) -> None:
    fake.forget()
    fake.plan(faults=[{"route": "models", "kind": "status", "status": 200, "body": body, "times": 0}])
    async with connected(fake.base_url) as (client, _):
        with pytest.raises(ProviderError) as caught:
            await OpenAIModels(client).models()

    assert (caught.value.operation, caught.value.fault) == ("models", Fault.BROKEN)
