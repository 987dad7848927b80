"""Every setting: name, unit, default and reason. From the environment and `.env`; frozen; all faults reported at once.
One file, however long: operators read it as the list of what can be set.

A field's name is the variable's name. `load` is the only way in.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from agent import countries, language, week
from agent.errors import ConfigError

ENV_FILE = ".env"
"""In the folder where the program runs."""

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|sips?:[^\s<>\"@]{1,100}@[^\s<>\"@]{1,100}")
"""A telephone number (E.164) or a SIP address."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
QUEUE_NAME = re.compile(r"[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,62}[A-Za-z0-9_.-])?")
_ORIGIN = re.compile(r"(?i:https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/?")

RECORDABLE_MINUTES = 1440
LONGEST_DAYS = 20_000

LONGEST_MESSAGE = 500

MOST_WORKERS = 64

OPENAI_URL = "https://api.openai.com/v1"

OTHERS_S = 1.0
"""For whoever stands in, within the limit of what they stand in for."""

Provider = Literal["auto", "openai", "local", "scripted"]


class Settings(BaseSettings):
    """The whole configuration of one process."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, extra="ignore", frozen=True, env_ignore_empty=True, allow_inf_nan=False
    )

    APP_ENV: Literal["development", "production", "test"] = Field(
        "development", validation_alias=AliasChoices("APP_ENV", "NODE_ENV")
    )
    PORT: int = Field(3000, ge=0, le=65535)
    """Of the one port that takes everything: webhooks, media, API, console. 0: any that is free."""
    WORKERS: str = "1"
    """Processes behind that port, each on a core of its own: a number, or auto for as many as there are cores to run
    on. See docs/workers.md."""
    HOST: str = ""
    """Address to listen on. Empty: 127.0.0.1 in development (a tunnel reaches that), 0.0.0.0 in production."""
    PUBLIC_URL: str = ""
    """Where Twilio reaches us, such as https://voice.example.in. Empty (development only): taken from the request."""
    LOG_LEVEL: Literal["debug", "info", "warn", "error"] = "info"
    """The least that is logged."""
    DATA_DIR: Path = Path("data")
    """What is kept in files: records, recordings, journals, keys. See docs/durability.md."""
    API_TOKEN: SecretStr = SecretStr("")
    """A key with the scope admin, beside those of `calling-agent keys`. See docs/security.md."""
    CORS_ORIGINS: str = ""
    """Web pages that may use the API from a browser: origins such as https://crm.example.in, separated by commas."""

    TWILIO_ACCOUNT_SID: str = ""
    TWILIO_AUTH_TOKEN: SecretStr = SecretStr("")
    TWILIO_AUTH_TOKEN_SECONDARY: SecretStr = SecretStr("")
    """The other one, while the account's token is changed: signatures by either are taken."""
    TWILIO_CALLER_ID: str = ""
    """The number that calls out, such as +918012345678; it is told to softphones as the one they have called, too."""
    TWILIO_SIGNATURE: Literal["auto", "require", "log", "off"] = "auto"
    """What to do with X-Twilio-Signature. auto: require in production, off in development."""

    SESSION_HOURS: float = Field(12, gt=0, le=720)
    """From a key shown to the console to the end of that session; it ends sooner where the key does."""
    SOFTPHONE_TOKEN_S: float = Field(60, gt=0, le=600)
    """For a browser to open the media socket that it was given the address of."""
    # Calling out: docs/orders.md.
    TWILIO_API_KEY: str = ""
    TWILIO_API_SECRET: SecretStr = SecretStr("")
    """For the REST API, instead of the auth token: a key can be withdrawn alone. The auth token still checks
    signatures."""
    TWILIO_API_URL: str = ""
    """Another address of the REST API, such as https://api.dublin.ie1.twilio.com. Empty: Twilio's own."""
    TWILIO_API_TIMEOUT_S: float = Field(10, gt=0, le=60)
    """For one request's answer. A call's creation that takes longer is unknown until its callbacks tell."""
    PLACE_TIMEOUT_S: float = Field(20, gt=0, le=120)
    """For a call to be taken by the carrier, tries after "too many requests" included."""
    RECONCILE_S: float = Field(30, gt=0, le=3600)
    """Without news for so long, an order is looked for at the carrier."""
    LOST_S: float = Field(600, gt=0, le=86_400)
    """An order that nobody has heard of for so long has failed."""
    MAX_OUTBOUND_CALLS: int = Field(10, ge=1, le=10_000)
    """Placed by this process and not over."""
    CALLS_PER_SECOND: float = Field(1, gt=0, le=1000)
    """Of this process. Twilio's own limit for an account is 1 unless it was raised; what is above it waits there."""
    DIAL_QUEUE: int = Field(20, ge=0, le=10_000)
    """Requests that may wait for the two limits above, DIAL_WAIT_S at most; others are told to come again."""
    DIAL_WAIT_S: float = Field(10, gt=0, le=60)
    RING_S: int = Field(30, ge=5, le=600)
    """How long a telephone that is called rings; a voice mailbox often answers after 25 to 30 s."""
    MACHINE_DETECTION: Literal["off", "hang-up", "message"] = "hang-up"
    """Who answers a call that we placed is looked at while the agent talks; what to do where it is a machine."""
    MACHINE_MESSAGE: str = "Hello, this is {agent} from {company}. We will try again at another time. Goodbye."
    """Left after the beep, with MACHINE_DETECTION=message."""

    OTEL_EXPORTER_OTLP_ENDPOINT: str = ""
    """Where traces go, such as http://127.0.0.1:4318; empty: nowhere. The other OTEL_* variables hold as well, from the
    environment alone: docs/traces.md."""
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: str = ""
    """The same, with its path."""

    COMPANY_NAME: str = "Premier Realty Group"
    AGENT_NAME: str = "Priya"
    SYSTEM_PROMPT_FILE: Path | None = None
    """What a language model is told of its task, instead of the product's own; a text file."""
    SAY_FIRST: str = "Hi!"
    """Spoken by Twilio itself before the stream is up. May be empty."""
    SAY_VOICE: str = "Polly.Raveena"
    """Twilio's, for what it says itself."""
    LANGUAGE: str = "en-IN"
    """Of a caller of whom none is known: see docs/lines.md."""
    TIMEZONE: str = "Asia/Kolkata"
    """The callers': what "tomorrow at eleven" means."""
    GREETING: str = (
        "Hello, this is {agent} from {company}. I can help you buy, sell or rent a home. How may I help you today?"
    )
    GOODBYE: str = "Thank you for calling {company}. Goodbye!"
    SILENCE_PROMPTS: str = "Are you still there? | I cannot hear you. Please say something if you can."
    """Said one after the other while nobody speaks, separated by |; after the last one the call ends."""
    NOTICE: str = "We have about half a minute left on this call."
    """Said NOTICE_S before CALL_MAX_MINUTES are over."""
    RECORD_CALLS: bool = False
    """Keep the sound of calls, the caller left and the agent right; callers are told so with RECORD_NOTICE before
    anything else. See docs/recordings.md."""
    RECORD_SESSIONS: str = "off"
    """All that comes into a call, to be played again: off, always, or a share of the calls such as 0.05."""
    RECORD_NOTICE: str = "This call is recorded."
    LINES_FILE: Path | None = None
    """TOML: language, voice and texts by called number, or by the voice webhook's ?line=. See docs/lines.md."""
    TRANSFER_TO: str = ""
    """A colleague's number, such as +918012345678, or a SIP address. Empty: who wants a person is called back."""
    TRANSFER_RING_S: int = Field(25, ge=5, le=120)
    """How long a colleague's telephone rings before the caller is told that nobody is there."""
    DTMF_BINDINGS: str = "0=transfer_to_human"
    """Keys that do something when pressed alone, such as "0=transfer_to_human, *=repeat, 9=end_call"."""
    TOOLS_FILE: Path | None = None
    """A Python file with tools of your own: see docs/tools.md."""

    PROVIDER: Provider = "auto"
    """auto: openai where OPENAI_API_KEY or OPENAI_BASE_URL is set, else local."""
    STT_PROVIDER: Provider = "auto"
    LLM_PROVIDER: Provider = "auto"
    TTS_PROVIDER: Provider = "auto"
    """auto: what PROVIDER says. One port may be served by another provider than the rest."""
    OPENAI_API_KEY: SecretStr = SecretStr("")
    OPENAI_BASE_URL: str = ""
    """Another server that speaks the same API. Empty: OpenAI's own."""
    OPENAI_LLM_API: Literal["chat", "responses"] = "chat"
    """Which of the two APIs the language model is asked by."""
    OPENAI_LLM_MODEL: str = "gpt-5.4-mini"
    OPENAI_REASONING_EFFORT: str = ""
    """Passed on where set (none, minimal, low, ...): reasoning delays a reply's first word. Empty: the model's own."""
    OPENAI_STT_API: Literal["auto", "realtime", "file"] = "auto"
    """How the caller is heard: over a socket while they speak, or a turn at a time. auto: realtime at OpenAI itself,
    file at a compatible server."""
    OPENAI_STT_LIVE_MODEL: str = "gpt-live-transcribe"
    OPENAI_STT_MODEL: str = "gpt-transcribe"
    """Of files; also where the live one fails."""
    STT_FINAL_S: float = Field(1.5, gt=0, le=10)
    """For the live transcript, from the end of a turn; then the turn is sent as a file."""
    OPENAI_TTS_API: Literal["auto", "realtime", "speech"] = "auto"
    """How the agent speaks: over a socket to a realtime model, or by /audio/speech. auto: realtime at OpenAI itself,
    speech at a compatible server."""
    PIPELINE: Literal["cascade", "realtime"] = "cascade"
    """cascade: a recogniser, a language model and a voice. realtime: OPENAI_REALTIME_MODEL hears, thinks and speaks;
    the other three stand in for what it does not do."""
    REALTIME_FIRST_S: float = Field(2.5, gt=0, le=10)
    """For the first sound of a realtime model's reply; then the language model answers."""
    REALTIME_CONNECT_S: float = Field(3, gt=0, le=10)
    """For a socket to a Realtime server, TLS and all; then another one is tried."""
    REALTIME_SILENT_S: float = Field(5, gt=0, le=60)
    """Until such a server is asked whether it is there, and once more for its answer: a call may be silent for long."""
    OPENAI_REALTIME_MODEL: str = "gpt-realtime-2.1-mini"
    TTS_FIRST_S: float = Field(1.5, gt=0, le=10)
    """For the first sound of a realtime model's sentence; then another voice says it."""
    TTS_FALLBACK: Literal["auto", "openai", "local", "none"] = "auto"
    """Who says what a realtime model does not say in time, or in other words. openai: /audio/speech. local: the
    packaged English voice. none: it is heard as it comes, and what fails is apologised for. auto: openai, until its
    model is shut down; then local where that is installed."""
    OPENAI_TTS_MODEL: str = "gpt-4o-mini-tts"
    OPENAI_TTS_VOICE: str = "alloy"
    FALLBACKS_FILE: Path | None = None
    """TOML: who is asked where a provider fails, by port. See docs/faults.md."""
    LLM_HEDGE_S: float | None = Field(None, gt=0, le=10)
    """So long without a word of the language model, and the next one of FALLBACKS_FILE is asked as well; the first to
    speak has the turn, and both are paid for. Unset: not."""
    BREAKER_FAILURES: int = Field(3, ge=1, le=100)
    """So many failures of a provider within BREAKER_WINDOW_S, at least half of its requests, or so many refusals in a
    row: then it is not asked any more."""
    BREAKER_WINDOW_S: float = Field(30, gt=0, le=3600)
    """In which failures of a provider are counted."""
    BREAKER_REST_S: float = Field(5, gt=0, le=60)
    """Until one request tries whether it works again; twice as long after each that fails, up to a minute."""
    LOCAL_STT_ENGINE: Literal["auto", "moonshine", "whisper"] = "auto"
    """auto: the first one that is installed."""

    VAD_THRESHOLD: float = Field(0.5, gt=0, lt=1)
    """The probability from which on a window of 32 ms is speech."""
    BARGE_IN_MS: int = Field(96, ge=32, le=2000)
    """Speech that silences the speaking agent. 96 ms is three Silero windows of 32 ms."""
    BARGE_IN_THINKING_MS: int = Field(160, ge=32, le=2000)
    """Speech that holds back a reply that the agent is still thinking about."""
    BACKCHANNEL_MS: int = Field(900, ge=0, le=3000)
    """Speech up to this long may be a backchannel ("mm-hm"), after which the agent goes on; longer speech is a turn."""
    FALSE_INTERRUPTION_S: float = Field(1.5, gt=0, le=10)
    """From the end of a sound that silenced the agent: with no words found in it by then, the agent goes on."""
    ECHO_GUARD: bool = True
    """Do not take the agent's own voice, coming back from the caller's line, for the caller."""
    PAUSE_MS: int = Field(192, ge=64, le=2000)
    """Silence after which transcription begins; it is thrown away if the caller goes on."""
    EARLY_TRANSCRIPTIONS: int = Field(3, ge=0, le=20)
    """So many of them may be thrown away in one utterance; after that, transcription waits for the end of the turn."""
    END_SILENCE_MS: int = Field(448, ge=96, le=5000)
    """Silence that ends the caller's turn after words that are complete."""
    END_SILENCE_LONG_MS: int = Field(1400, ge=96, le=10_000)
    """The same after words that are not: "and...", a number or an address being dictated."""
    MAX_UTTERANCE_S: float = Field(30, gt=1, le=120)
    """A turn is taken after this much speech without a pause."""
    KEY_PAUSE_S: float = Field(1.5, gt=0, le=10)
    """After the last pressed key, before the digits are taken."""

    LEAD_MS: int = Field(400, ge=100, le=5000)
    """How far ahead of its playback audio is sent."""
    MESSAGE_MS: int = Field(160, ge=20, le=1000)
    """Length of one outgoing media message."""
    TTS_CACHE_MB: float = Field(16, ge=0)
    """Sentences that were spoken already, for all calls of a process."""

    CALL_MAX_MINUTES: float = Field(10, gt=0)
    """From the stream's beginning to the goodbye, all legs of a call together."""
    NOTICE_S: float = Field(30, ge=0)
    """How long before the limit NOTICE is said; 0: not at all."""
    SILENCE_S: float = Field(8, gt=0)
    """Silence of both sides, from the end of playback, before each prompt and before the goodbye."""
    FILLER_S: float = Field(3, gt=0)
    """Silence of the agent, when it is its turn, before it says that it needs a moment. The bound on dead air: see the
    README."""
    TOOL_TIMEOUT_S: float = Field(8, gt=0)
    """For one tool's answer; then the model is told that there is none."""
    TOOL_CALLS: int = Field(6, ge=1, le=50)
    """Tools that one answer may run; a model that wants more is made to speak."""
    SUMMARY_TIMEOUT_S: float = Field(5, gt=0, le=30)
    """After the call, for its summary; without one in time, a plain one is written."""
    START_TIMEOUT_S: float = Field(5, gt=0)
    """From an accepted media socket to its `start` message."""
    SEND_TIMEOUT_S: float = Field(5, gt=0)
    """One write to a media socket: a half-dead peer ends its call."""
    MEDIA_TIMEOUT_S: float = Field(15, gt=0)
    """Twilio sends 50 messages a second, also in silence; a socket without any for this long is dead."""
    STT_TIMEOUT_S: float = Field(5, gt=0)
    """For the words of one utterance."""
    LLM_TIMEOUT_S: float = Field(5, gt=0)
    """To the first piece of the reply, and between two pieces."""
    TTS_TIMEOUT_S: float = Field(3, gt=0)
    """To the first chunk of a sentence's sound, and between two chunks."""
    GOODBYE_TIMEOUT_S: float = Field(12, gt=0)
    """From the decision to end a call to its closed socket, last words included."""
    DRAIN_TIMEOUT_S: float = Field(660, ge=0)
    """From SIGTERM to the end of the last call. The default lets a call of CALL_MAX_MINUTES finish."""
    DRAIN_MODE: Literal["wait", "hand-off"] = "wait"
    """What becomes of calls when the process is told to leave: they go on here to their end, or each goes on in another
    process from its next quiet moment."""
    HAND_OFF_WAIT_S: float = Field(20, ge=0)
    """For that moment to come; then a call is handed off as soon as the caller is silent."""
    ORPHAN_S: float = Field(60, ge=1)
    """For somebody to come back to a call whose process is gone, or whose stream died; then its record is finished."""
    TOKEN_TTL_S: float = Field(120, gt=0)
    """From the voice webhook's answer to the stream's start, the opening <Say> included."""

    HISTORY_TURNS: int = Field(24, ge=2)
    HISTORY_TOKENS: int = Field(3000, ge=200)
    """How much of the talk a model reads again, whichever is less; what is known of the caller comes on top, whole."""

    MAX_CONCURRENT_CALLS: int = Field(50, ge=1, le=1000)
    """Of one process, those told to connect included. 220 with scripted providers take nearly a core
    (docs/speed.md); beyond what a core carries every caller hears gaps. The next one hears that all lines are busy:
    docs/limits.md."""
    TRUSTED_PROXIES: str = ""
    """Addresses and networks of proxies in front of us, separated by commas, such as 10.0.0.0/8: what these say in
    X-Forwarded-For is whom limits count by. Empty: a proxy is one client."""
    API_RATE: int = Field(1200, ge=0)
    """Requests of one client in a minute; 0: no limit. A page that shows fifty calls asks for five in a second."""
    REFUSED_RATE: int = Field(30, ge=0)
    """Refusals in a minute of one client's signatures, logins and handshakes, after which they get no more answer than
    429. What would pass still passes. (Keys of the API cannot be guessed at API_RATE.)"""
    WEBHOOK_RATE: int = Field(6000, ge=0)
    """Webhooks in a minute that pass, of all clients: a call has ten, and 50 lines change hands 20 times a minute."""
    BUSY_TEXT: str = ""
    """Said to whom there is no line for. Empty: that all lines are busy, in the language of SAY_VOICE."""
    BUSY_QUEUE: str = ""
    """A queue of Twilio's where such callers wait for people, instead of being hung up on."""
    BUSY_DIAL: str = ""
    """A number or a SIP address that such callers are passed on to instead."""
    BUSY_REJECT: bool = False
    """Such calls are not answered instead: a busy tone, and nothing is billed."""
    DIAL_FROM: str = ""
    """Further numbers of ours that calls may be placed from, beside TWILIO_CALLER_ID, separated by commas."""
    DIAL_COUNTRIES: str = ""
    """Countries that may be called: ISO 3166 codes such as "IN, AE". Empty: the country of TWILIO_CALLER_ID, for a
    business calls its own customers; a stolen key must not reach what is expensive. Without that number: IN."""
    CALLING_HOURS: str = "09:00-21:00"
    """When people may be called, by the clock where they are. 09:00 to 21:00 is within what most countries allow for
    sales calls; what yours does is for you to know (docs/calling-out.md)."""
    CALLING_DAYS: str = ""
    """Such as mon-sat, or "mon, wed, fri". Empty: every day."""
    DIAL_ATTEMPTS: int = Field(3, ge=1, le=100)
    """So often a number is called in one of its days, whatever became of the calls."""
    DISCLOSE: Literal["always", "outbound", "never"] = "outbound"
    """On which calls the agent says at the start that it is a machine. Who is called cannot know whom they speak to."""
    AI_DISCLOSURE: str = "You are speaking with an automated assistant of {company}."
    """Said in front of OUTBOUND_GREETING."""
    OUTBOUND_GREETING: str = "Hello, this is {agent}, calling from {company}. Am I speaking with {name}?"
    """To somebody who is called. Beside {agent} and {company} it may have the call's own variables; a sentence with one
    that the call does not have is left out."""
    OUTBOUND_WAIT_S: float = Field(1.5, ge=0, le=10)
    """Who is called says hello first; who does not is greeted after this long."""

    RETENTION_DAYS: int | None = Field(None, ge=1, le=LONGEST_DAYS)
    """How long records, recordings and what is left of journals are kept, from a call's start. Unset: for ever."""
    PRICES_FILE: Path | None = None
    """TOML: what models cost, instead of the packaged list, which counts at OpenAI itself only. See docs/records.md."""
    CALL_BUDGET: float | None = Field(None, gt=0, le=1_000_000)
    """US dollars that one call may cost; then the agent says goodbye. Unset: whatever it costs. See docs/money.md."""
    DAY_BUDGET: float | None = Field(None, gt=0, le=1_000_000)
    """The same for all calls of a day of TIMEZONE, of all processes together; then new calls are told that all lines
    are busy."""
    BUDGETS_FILE: Path | None = None
    """TOML: what campaigns and lines may cost, each by its name."""
    BUDGET_GOODBYE: str = ""
    """Said when a budget is spent in the middle of a call. Empty: GOODBYE."""
    BUDGET_WAIT_S: float = Field(1.0, ge=0, le=5)
    """For the store, where what this process holds of a budget does not suffice for a turn."""
    MONGODB_URI: SecretStr = SecretStr("")
    """The store of many machines. Empty: SQLite files in DATA_DIR, for one."""
    S3_BUCKET: str = ""
    """Where recordings are kept, at Amazon or whoever speaks S3. Empty: in DATA_DIR/recordings."""
    S3_REGION: str = "auto"
    """auto is right for Cloudflare R2, and for most servers that are not Amazon."""
    S3_ACCESS_KEY: SecretStr = SecretStr("")
    S3_SECRET_KEY: SecretStr = SecretStr("")
    """Both empty: credentials of the machine, at Amazon."""
    S3_ENDPOINT: str = ""
    """Of a server other than Amazon, without the bucket: https://ACCOUNT.r2.cloudflarestorage.com."""
    S3_PUBLIC_URL: str = ""
    """Where the bucket's objects can be seen by anybody, if they can: recordings' addresses begin with it."""

    @property
    def sounds_apart(self) -> bool:
        """Records are in one place for all machines, recordings on each machine's own disk."""
        return bool(self.MONGODB_URI.get_secret_value()) and not self.S3_BUCKET

    @property
    def silence_prompts(self) -> tuple[str, ...]:
        return tuple(text.strip() for text in self.SILENCE_PROMPTS.split("|") if text.strip())

    @property
    def host(self) -> str:
        return self.HOST or ("0.0.0.0" if self.production else "127.0.0.1")  # noqa: S104  a container listens on all

    @property
    def production(self) -> bool:
        return self.APP_ENV == "production"

    @property
    def cors_origins(self) -> tuple[str, ...]:
        return tuple(origin.strip().rstrip("/").lower() for origin in self.CORS_ORIGINS.split(",") if origin.strip())

    @property
    def trusted_proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return _networks(self.TRUSTED_PROXIES)

    @property
    def api(self) -> Literal["token", "open", "keys"]:
        """Who may use the HTTP API: who has API_TOKEN or a key; programs on this machine as well; who has a key."""
        if self.API_TOKEN.get_secret_value():
            return "token"
        return "keys" if self.production or self.PUBLIC_URL or not _loopback(self.host) else "open"

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Twilio's, the one in use first."""
        tokens = (self.TWILIO_AUTH_TOKEN.get_secret_value(), self.TWILIO_AUTH_TOKEN_SECONDARY.get_secret_value())
        return tuple(token for token in tokens if token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no line of the log may show."""
        found = [getattr(self, name).get_secret_value() for name in SECRET]
        address = self.MONGODB_URI.get_secret_value().partition("://")[2]
        password = address.rpartition("@")[0].partition(":")[2]
        return tuple(each for each in (*found, password, unquote(password)) if each)

    @property
    def signature(self) -> Literal["require", "log", "off"]:
        if self.TWILIO_SIGNATURE == "auto":
            return "require" if self.production else "off"
        return self.TWILIO_SIGNATURE

    @property
    def twilio_user(self) -> tuple[str, str]:
        """User and password of the REST API."""
        if self.TWILIO_API_KEY:
            return self.TWILIO_API_KEY, self.TWILIO_API_SECRET.get_secret_value()
        return self.TWILIO_ACCOUNT_SID, self.TWILIO_AUTH_TOKEN.get_secret_value()

    @property
    def calls_out(self) -> bool:
        """Whether all that is needed to place and end calls over the carrier's REST API is set."""
        return bool(self.TWILIO_ACCOUNT_SID and all(self.twilio_user) and self.PUBLIC_URL)

    def provider(self, port: Literal["STT", "LLM", "TTS"]) -> tuple[Literal["openai", "local", "scripted"], str]:
        """Which provider serves a port, and why, in words for the start-up line."""
        own: Provider = getattr(self, f"{port}_PROVIDER")
        if own != "auto":
            return own, f"{port}_PROVIDER={own}"
        if self.PROVIDER != "auto":
            return self.PROVIDER, f"PROVIDER={self.PROVIDER}"
        if self.OPENAI_API_KEY.get_secret_value():
            return "openai", "OPENAI_API_KEY is set"
        if self.OPENAI_BASE_URL:
            return "openai", "OPENAI_BASE_URL is set"
        return "local", "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set"

    @property
    def openai_itself(self) -> bool:
        """OpenAI's own servers, not somebody's that resemble them."""
        host = urlsplit(self.OPENAI_BASE_URL or OPENAI_URL).hostname or ""
        return host == "openai.com" or host.endswith((".openai.com", ".openai.azure.com"))

    @property
    def hears_live(self) -> bool:
        """Whether the openai provider transcribes while the caller speaks."""
        return self.OPENAI_STT_API == "realtime" or (self.OPENAI_STT_API == "auto" and self.openai_itself)

    @property
    def speaks_live(self) -> bool:
        """Whether the openai provider speaks through a realtime model."""
        return self.OPENAI_TTS_API == "realtime" or (self.OPENAI_TTS_API == "auto" and self.openai_itself)

    @field_validator(
        *("PUBLIC_URL", "TWILIO_API_URL", "OPENAI_BASE_URL", "S3_ENDPOINT", "S3_PUBLIC_URL"),
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    )
    @classmethod
    def _is_a_url(cls, value: str) -> str:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0  # raises where it is no number
        if value and (not whole or parts.query or parts.fragment):
            raise ValueError("must be a URL such as https://voice.example.in, without a query")
        return value.rstrip("/")

    @field_validator("API_TOKEN")
    @classmethod
    def _is_hard_to_guess(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not re.fullmatch(r"[!-~]{20,200}", value.get_secret_value()):
            raise ValueError("must have 20 to 200 letters, digits and signs, such as `openssl rand -hex 32` gives")
        return value

    @field_validator("CORS_ORIGINS")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in filter(None, (each.strip() for each in value.split(","))):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin[:60]!r} is no origin such as https://crm.example.in, without a path")
        return value

    @field_validator("TRUSTED_PROXIES")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        try:
            _networks(value)
        except ValueError as error:
            raise ValueError(f"must be addresses and networks such as 10.0.0.0/8: {error}") from None
        return value

    @field_validator("LANGUAGE")
    @classmethod
    def _is_a_language(cls, value: str) -> str:
        if not language.tag(value):
            raise ValueError("must be a language tag such as en-IN or hi-IN")
        return language.tag(value)

    @field_validator("TIMEZONE")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be a time zone such as Asia/Kolkata") from None
        return value

    @field_validator("TRANSFER_TO", "BUSY_DIAL")
    @classmethod
    def _is_a_number(cls, value: str) -> str:
        if value and not NUMBER.fullmatch(value):
            raise ValueError("must be a number such as +918012345678, or a SIP address such as sip:desk@example.in")
        return value

    @field_validator("SYSTEM_PROMPT_FILE", "LINES_FILE", "PRICES_FILE", "FALLBACKS_FILE", "BUDGETS_FILE")
    @classmethod
    def _is_a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value

    @field_validator("MONGODB_URI")
    @classmethod
    def _is_mongo(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("must begin with mongodb:// or mongodb+srv://")
        return value

    @property
    def workers(self) -> int:
        """How many processes serve; 0 where WORKERS tells none."""
        if self.WORKERS == "auto":
            return min(len(os.sched_getaffinity(0)), MOST_WORKERS) if sys.platform == "linux" else 1
        number = int(self.WORKERS) if self.WORKERS.isascii() and self.WORKERS.isdecimal() else 0
        return number if number <= MOST_WORKERS else 0

    @property
    def sessions_share(self) -> float:
        """Of the calls, how many are recorded to be played again: 0 to 1."""
        given = {"off": "0", "always": "1"}.get(self.RECORD_SESSIONS, self.RECORD_SESSIONS)
        try:
            share = float(given)
        except ValueError:
            return -1
        return share if 0 <= share <= 1 else -1

    def faults(self) -> tuple[str, ...]:
        """What is wrong between settings, each in a sentence that says what to do."""
        found = []
        if self.production:
            needed = {
                "TWILIO_ACCOUNT_SID": bool(self.TWILIO_ACCOUNT_SID),
                "TWILIO_AUTH_TOKEN": bool(self.TWILIO_AUTH_TOKEN.get_secret_value()),
                "TWILIO_CALLER_ID": bool(self.TWILIO_CALLER_ID),
                "OPENAI_API_KEY": bool(self.OPENAI_API_KEY.get_secret_value() or self.OPENAI_BASE_URL),
                "PUBLIC_URL": bool(self.PUBLIC_URL),
            }
            found += [
                f"{name} is required when APP_ENV=production; set it." for name, there in needed.items() if not there
            ]
            if self.PUBLIC_URL.startswith("http://"):
                found.append("PUBLIC_URL must begin with https:// in production: Twilio connects media over wss only.")
        elif self.signature != "off" and not self.TWILIO_AUTH_TOKEN.get_secret_value():
            found.append(f"TWILIO_SIGNATURE={self.TWILIO_SIGNATURE} needs TWILIO_AUTH_TOKEN; set it, or use off.")
        if (
            self.production is False
            and "openai" in {self.provider(port)[0] for port in ("STT", "LLM", "TTS")}
            and not (self.OPENAI_API_KEY.get_secret_value() or self.OPENAI_BASE_URL)
        ):
            found.append("The openai provider needs OPENAI_API_KEY, or OPENAI_BASE_URL for a compatible server.")
        if self.PIPELINE == "realtime" and not (self.OPENAI_API_KEY.get_secret_value() or self.OPENAI_BASE_URL):
            found.append("PIPELINE=realtime needs OPENAI_API_KEY, or OPENAI_BASE_URL for a compatible server.")
        itself = self.PIPELINE == "realtime"
        found += [
            f"{first} ({getattr(self, first):g}) must be at least {OTHERS_S:g} s less than {last} "
            f"({getattr(self, last):g}): else nobody has time to stand in."
            for first, last, used in (
                ("STT_FINAL_S", "STT_TIMEOUT_S", itself or (self.provider("STT")[0] == "openai" and self.hears_live)),
                ("TTS_FIRST_S", "TTS_TIMEOUT_S", itself or (self.provider("TTS")[0] == "openai" and self.speaks_live)),
                ("REALTIME_FIRST_S", "LLM_TIMEOUT_S", itself),
            )
            if used and getattr(self, first) + OTHERS_S > getattr(self, last)
        ]
        found += self._s3_faults()
        found += self._door_faults()
        found += self._limit_faults()
        found += self._provider_faults()
        found += self._placing_faults()
        found += self._dial_faults()
        found += self._budget_faults()
        found += self._worker_faults()
        if self.sessions_share < 0:
            found.append(
                f"RECORD_SESSIONS={self.RECORD_SESSIONS} is no share of calls; set off, always, or one such as 0.05."
            )
        if self.RECORD_CALLS and self.CALL_MAX_MINUTES > RECORDABLE_MINUTES:
            found.append(f"RECORD_CALLS: a WAV file holds no more than {RECORDABLE_MINUTES}; lower CALL_MAX_MINUTES.")
        if self.MESSAGE_MS > self.LEAD_MS:
            found.append(f"MESSAGE_MS ({self.MESSAGE_MS}) must not exceed LEAD_MS ({self.LEAD_MS}).")
        return tuple(found)

    def _worker_faults(self) -> Iterator[str]:
        if not self.workers:
            yield f"WORKERS={self.WORKERS} is no number of processes; set one from 1 to {MOST_WORKERS}, or auto."
        elif self.workers > 1 and sys.platform != "linux":
            yield f"WORKERS={self.WORKERS} needs Linux; set 1, and start one process for each port."

    def _budget_faults(self) -> Iterator[str]:
        if self.CALL_BUDGET is not None and self.DAY_BUDGET is not None and self.CALL_BUDGET > self.DAY_BUDGET:
            yield f"CALL_BUDGET ({self.CALL_BUDGET:g}) must not exceed DAY_BUDGET ({self.DAY_BUDGET:g})."

    def _door_faults(self) -> Iterator[str]:
        if self.production and self.signature != "require":
            yield f"TWILIO_SIGNATURE={self.TWILIO_SIGNATURE} lets anybody place calls in production; use require."
        if self.TWILIO_AUTH_TOKEN_SECONDARY.get_secret_value() and not self.TWILIO_AUTH_TOKEN.get_secret_value():
            yield "TWILIO_AUTH_TOKEN_SECONDARY is set and TWILIO_AUTH_TOKEN is not; set the one in use as that."

    def _limit_faults(self) -> Iterator[str]:
        ways = [name for name in ("BUSY_QUEUE", "BUSY_DIAL", "BUSY_REJECT") if getattr(self, name)]
        if len(ways) > 1:
            yield f"{' and '.join(ways)}: a caller without a line can go one way only; set one of them."
        if self.BUSY_QUEUE and not QUEUE_NAME.fullmatch(self.BUSY_QUEUE):
            yield f"BUSY_QUEUE ({self.BUSY_QUEUE[:70]!r}) must be a name: up to 64 letters, digits, spaces, _ . and -."
        if self.BUSY_REJECT and self.BUSY_TEXT:
            yield "BUSY_REJECT answers no call, so that BUSY_TEXT is never heard; set one of them."

    def _provider_faults(self) -> Iterator[str]:
        if self.LLM_HEDGE_S is None:
            return
        if self.FALLBACKS_FILE is None:
            yield "LLM_HEDGE_S asks a second language model: name one under [[llm]] in FALLBACKS_FILE."
        if self.LLM_HEDGE_S + OTHERS_S > self.LLM_TIMEOUT_S:
            yield (
                f"LLM_HEDGE_S ({self.LLM_HEDGE_S:g}) must be at least {OTHERS_S:g} s less than LLM_TIMEOUT_S "
                f"({self.LLM_TIMEOUT_S:g}): else nobody has time to stand in."
            )

    def _placing_faults(self) -> Iterator[str]:
        if bool(self.TWILIO_API_KEY) != bool(self.TWILIO_API_SECRET.get_secret_value()):
            yield "TWILIO_API_KEY and TWILIO_API_SECRET go together; set both or neither."
        if self.TWILIO_API_KEY and not self.TWILIO_ACCOUNT_SID:
            yield "TWILIO_API_KEY needs TWILIO_ACCOUNT_SID: the account that the key is of."
        if self.RECONCILE_S < self.PLACE_TIMEOUT_S:
            yield (
                f"RECONCILE_S ({self.RECONCILE_S:g}) must not be less than PLACE_TIMEOUT_S ({self.PLACE_TIMEOUT_S:g}): "
                "an order would be looked for while it is being placed."
            )
        if self.MACHINE_DETECTION == "message" and not self.MACHINE_MESSAGE.strip():
            yield "MACHINE_DETECTION=message needs MACHINE_MESSAGE; set it, or use hang-up."
        if len(self.MACHINE_MESSAGE) > LONGEST_MESSAGE:
            yield f"MACHINE_MESSAGE has more than {LONGEST_MESSAGE} characters, about half a minute; shorten it."

    @property
    def traces_to(self) -> str:
        """Where spans are sent, by OTLP over HTTP; "": nowhere."""
        whole, base = self.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, self.OTEL_EXPORTER_OTLP_ENDPOINT
        return whole or (f"{base}/v1/traces" if base else "")

    @property
    def dial_from(self) -> tuple[str, ...]:
        """Our numbers that calls may be placed from; the first is the usual one."""
        own = (self.TWILIO_CALLER_ID, *(each.strip() for each in self.DIAL_FROM.split(",")))
        return tuple(dict.fromkeys(number for number in own if _E164.fullmatch(number)))

    @property
    def dial_countries(self) -> tuple[str, ...]:
        """As DIAL_COUNTRIES has them; none: the country of our own number."""
        return tuple(each.strip().upper() for each in self.DIAL_COUNTRIES.split(",") if each.strip())

    @property
    def calling_hours(self) -> week.Timetable:
        return week.timetable(self.CALLING_HOURS, self.CALLING_DAYS)

    def _dial_faults(self) -> Iterator[str]:
        for number in filter(None, (each.strip() for each in self.DIAL_FROM.split(","))):
            if not _E164.fullmatch(number):
                yield f"DIAL_FROM: {number[:40]!r} is no number such as +918012345678."
        if self.dial_countries and (unknown := sorted(set(self.dial_countries) - countries.zones().keys())):
            yield f"DIAL_COUNTRIES: {', '.join(unknown)[:60]} is no country's code, such as IN or AE (ISO 3166)."
        for name, read in (("CALLING_HOURS", week.opening), ("CALLING_DAYS", week.weekdays)):
            try:
                read(getattr(self, name))
            except ValueError as error:
                yield f"{name} {error}."

    def _s3_faults(self) -> Iterator[str]:
        keys = {name: bool(getattr(self, name).get_secret_value()) for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY")}
        if not self.S3_BUCKET:
            given = [name for name, there in keys.items() if there]
            given += [name for name in ("S3_ENDPOINT", "S3_PUBLIC_URL") if getattr(self, name)]
            if given:
                yield f"{', '.join(given)}: set S3_BUCKET as well, or none of them."
            return
        if not BUCKET.fullmatch(self.S3_BUCKET):
            yield (
                f"S3_BUCKET ({self.S3_BUCKET[:70]!r}) must be a bucket's name: 3 to 63 small letters, digits, "
                "hyphens and dots."
            )
        if len(set(keys.values())) > 1:
            yield "S3_ACCESS_KEY and S3_SECRET_KEY go together; set both or neither."
        if not self.S3_ENDPOINT and self.S3_REGION == "auto":
            yield "S3_REGION (such as ap-south-1) is required at Amazon; for any other server set S3_ENDPOINT."
        if self.S3_ENDPOINT and urlsplit(self.S3_ENDPOINT).path.strip("/") == self.S3_BUCKET:
            yield f"S3_ENDPOINT must not end with the bucket: leave out /{self.S3_BUCKET}."


def load(**overrides: object) -> Settings:
    """The configuration from the environment and `.env`. Raises ConfigError with every fault found."""
    unread = _unread_lines()
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        told = (*(_in_words(e) for e in error.errors()), *_faults_of_the_rest(error, overrides))
        raise ConfigError((*unread, *told)) from None
    except SettingsError as error:
        raise ConfigError((*unread, f"{error}.")) from None
    if faults := (*unread, *settings.faults()):
        raise ConfigError(faults)
    return settings


def _unread_lines() -> tuple[str, ...]:
    """Lines of `.env` that are no settings: each would be passed over, or take those behind it along. Not what they
    hold, which may be a secret. Raises ConfigError where the file cannot be read."""
    path = Path(ENV_FILE)
    try:
        if not path.is_file():
            return ()
        with path.open(encoding="utf-8") as stream:
            lines = [binding.original.line for binding in parse_stream(stream) if binding.error]
    except OSError as error:
        raise ConfigError((f"{ENV_FILE} cannot be read: {error.strerror}.",)) from None
    except UnicodeDecodeError:
        raise ConfigError((f"{ENV_FILE} cannot be read: it is not UTF-8.",)) from None
    return tuple(f"{ENV_FILE}, line {line}: is not NAME=value, or has a quote that does not end." for line in lines)


def _faults_of_the_rest(error: ValidationError, overrides: dict[str, object]) -> tuple[str, ...]:
    """What else is wrong, once the settings that cannot even be read are taken for their defaults."""
    unread = {str(e["loc"][0]) for e in error.errors() if e["loc"]}
    fields = Settings.model_fields
    defaults = {"APP_ENV" if name == "NODE_ENV" else name: fields[name].default for name in unread if name in fields}
    try:
        found = Settings(**(overrides | defaults)).faults()  # type: ignore[arg-type]
    except (ValidationError, SettingsError):
        return ()
    # What follows from a default that nobody has set is no fault of theirs.
    return tuple(fault for fault in found if unread.isdisjoint(re.findall(r"[A-Z0-9_]+", fault)))


def _in_words(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"]) or "configuration"
    name = "APP_ENV" if name == "NODE_ENV" else name
    given = "" if name in SECRET else f" (given: {str(error.get('input'))[:60]!r})"
    what = _RULES.get(name) or _KINDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return f"{name}: {what}{given}."


_RULES = {
    "RETENTION_DAYS": f"must be a whole number of days from 1 to {LONGEST_DAYS}, or unset to keep for ever",
}
_KINDS = {"bool_parsing": "must be on or off"}
"""Instead of pydantic's words, by setting and by kind of fault."""


def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


SECRET = frozenset(name for name, field in Settings.model_fields.items() if field.annotation is SecretStr)
