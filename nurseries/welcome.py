"""What whoever starts a server by hand is told: who hears, thinks and speaks, where things are kept, how to call."""

from __future__ import annotations

from agent.config import Settings
from agent.keep.ports import CallStore, ObjectStore
from agent.model import CallInfo
from nurseries.chain.ports import others_of
from nurseries.parts import Parts
from nurseries.purse import Purse


def names(parts: Parts) -> dict[str, str]:
    """Who hears, thinks and speaks in the calls to come."""
    return parts.names(parts.go_live(parts.lines.profile(CallInfo("", "", "")), lambda: None))


def standby_words(parts: Parts) -> str:
    """A line for whoever stands by; "" where nobody does."""
    ports: dict[str, list[str]] = {
        "hearing": [name for _, name in others_of(parts.recogniser)],
        "thinking": [name for _, name in others_of(parts.model)],
        "speaking": [name for _, name in others_of(parts.voice)],
    }
    told = [f"{port}: {', '.join(names)}" for port, names in ports.items() if names]
    return f"    stand by      {'; '.join(told)}  (FALLBACKS_FILE is set)\n" if told else ""


def kept_words(settings: Settings, objects: ObjectStore, purse: Purse | None = None) -> str:
    """Lines for what is kept beyond records, and how long; "" where neither is set."""
    lines = []
    if settings.RECORD_CALLS:
        lines.append(f"    records to    {objects.name}  (RECORD_CALLS is on: callers are told)\n")
    if purse is not None:
        lines.append(f"    spends up to  {purse.words}\n")
    if days := settings.RETENTION_DAYS:
        lines.append(f"    keeps for     {days} {'day' if days == 1 else 'days'}  (RETENTION_DAYS={days})\n")
    return "".join(lines)


def welcome(settings: Settings, parts: Parts, store: CallStore, objects: ObjectStore, port: int) -> str:
    here = f"http://{settings.host}:{port}"
    call = "" if port == 3000 else f" --url {here}"
    who = names(parts)
    mongo = "MONGODB_URI is set" if settings.MONGODB_URI.get_secret_value() else "MONGODB_URI is not set"
    return f"""
  {settings.AGENT_NAME} of {settings.COMPANY_NAME} is listening on {here}

    hears with    {who["stt"]}  ({settings.provider("STT")[1]})
    thinks with   {who["llm"]}  ({settings.provider("LLM")[1]})
    speaks with   {who["tts"]}  ({settings.provider("TTS")[1]})
{standby_words(parts)}    keeps in      {store.name}  ({mongo})
{kept_words(settings, objects, parts.purse)}
  A first call, in a browser: {here}/
  From another terminal:
    .venv/bin/calling-agent call{call} --say "Hello, I am looking for a two bedroom flat in Whitefield."
  What was said:
    .venv/bin/calling-agent calls show
  A real phone: point a Twilio number's voice webhook at <your tunnel>/twilio/voice (POST).

"""
