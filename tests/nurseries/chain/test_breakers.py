"""The process's breakers: one for each operation, told to whoever asks how the process is."""

from __future__ import annotations

import trio

from agent.errors import Fault
from agent.guard.breaker import Rules
from agent.metrics import exposition
from nurseries.chain.breakers import Breakers


async def test_they_tell_health_and_metrics_how_they_stand(autojump_clock) -> None:
    breakers = Breakers(Rules())
    model, voice = breakers.of("llm", "openai x at api.example.in"), breakers.of("tts", "openai y at api.example.in")
    assert breakers.of("llm", "openai x at api.example.in") is model
    assert breakers.degraded == ()

    for _ in range(3):
        visit = model.enter(trio.current_time())
        assert visit is not None
        visit.failed(trio.current_time(), Fault.TIMEOUT)

    assert breakers.degraded == ("llm",)
    text = exposition(breakers.readings()).decode()
    assert 'calling_agent_breaker_open{part="llm",provider="openai x at api.example.in"} 1.0' in text
    assert 'calling_agent_breaker_open{part="tts",provider="openai y at api.example.in"} 0.0' in text
    assert 'calling_agent_breaker_openings_total{part="llm",provider="openai x at api.example.in"} 1.0' in text
    assert voice.admits(trio.current_time())

    await trio.sleep(5)
    assert breakers.degraded == ("llm",)  # until a probe has come back
    text = exposition(breakers.readings()).decode()
    assert 'calling_agent_breaker_open{part="llm",provider="openai x at api.example.in"} 0.5' in text
    visit = model.enter(trio.current_time())
    assert visit is not None
    visit.worked(trio.current_time())
    assert breakers.degraded == ()
