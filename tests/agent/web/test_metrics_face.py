"""/metrics: for whoever may read the API, and nobody else."""

from __future__ import annotations

from pydantic import SecretStr

TOKEN = "t0ken-" + "x" * 30


async def test_who_may_read_gets_prometheus_text(face) -> None:
    built = face(API_TOKEN=SecretStr(TOKEN), APP_ENV="production")
    response = await built.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    assert b"# HELP process_" in await response.get_data()
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_stranger_gets_nothing(face) -> None:
    for built in (face(API_TOKEN=SecretStr(TOKEN)), face(APP_ENV="production")):
        response = await built.client.get("/metrics")

        assert response.status_code in {401, 403}
        assert b"calling_agent" not in await response.get_data()
