"""What a score is made of, as a page gets it."""

from agent.think.score import TABLE


async def test_the_table_is_the_one_that_scores_are_made_by(house):
    built, _ = house()
    answer = await built.client.get("/api/score")

    assert answer.status_code == 200
    assert list((await answer.get_json())["facts"].items()) == [(fact, dict(cases)) for fact, cases in TABLE.items()]
