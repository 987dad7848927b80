from pathlib import Path

import pytest

from agent import config
from agent.errors import ConfigError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in [*config.Settings.model_fields, "NODE_ENV"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def faults(**env: str) -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        with pytest.raises(ConfigError) as caught:
            config.load()
    return caught.value.faults


def test_nothing_is_needed_in_development() -> None:
    settings = config.load()

    assert settings.host == "127.0.0.1"
    assert settings.provider("STT")[0] == "local"
    assert settings.signature == "off"


def test_all_faults_are_told_at_once_in_words() -> None:
    found = faults(PORT="many", APP_ENV="live", BARGE_IN_MS="1", PUBLIC_URL="voice", MONGODB_URI="http://x")

    assert len(found) == 5
    assert any(fault.startswith("PORT:") and "'many'" in fault for fault in found)


def test_what_cannot_be_read_is_not_taken_for_unset() -> None:
    needed = {"S3_BUCKET": "sounds", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}

    (fault,) = faults(S3_ENDPOINT="127.0.0.1:9", **needed)
    assert fault.startswith("S3_ENDPOINT:")
    (fault,) = faults(**needed)
    assert fault.startswith("S3_REGION")


DAYS = "must be a whole number of days from 1 to 20000, or unset to keep for ever"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RECORD_CALLS", "maybe", "RECORD_CALLS: must be on or off (given: 'maybe')."),
        ("ECHO_GUARD", "2", "ECHO_GUARD: must be on or off (given: '2')."),
        ("DRAIN_TIMEOUT_S", "inf", "DRAIN_TIMEOUT_S: Input should be a finite number (given: 'inf')."),
        *(
            ("RETENTION_DAYS", value, f"RETENTION_DAYS: {DAYS} (given: '{value}').")
            for value in ("0", "7.5", "20001", "a week", "-1")
        ),
    ],
)
def test_faults_are_in_words_of_ours(name: str, value: str, words: str) -> None:
    assert faults(**{name: value}) == (words,)


def test_a_time_zone_is_one() -> None:
    (fault,) = faults(TIMEZONE="India")
    assert "Asia/Kolkata" in fault
    (fault,) = faults(TIMEZONE="../../etc/passwd")
    assert "Asia/Kolkata" in fault


def test_production_names_everything_it_lacks() -> None:
    found = " ".join(faults(APP_ENV="production"))

    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_CALLER_ID", "OPENAI_API_KEY", "PUBLIC_URL"):
        assert name in found


def test_a_setting_that_cannot_be_read_hides_none_of_the_others() -> None:
    found = " ".join(faults(APP_ENV="production", PORT="abc"))

    for name in ("PORT", "TWILIO_AUTH_TOKEN", "PUBLIC_URL"):
        assert name in found


def test_production_starts_when_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "NODE_ENV": "production",
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "t",
        "TWILIO_CALLER_ID": "+911",
        "OPENAI_API_KEY": "sk",
        "PUBLIC_URL": "https://voice.example.in/",
    }.items():
        monkeypatch.setenv(name, value)

    settings = config.load()

    assert settings.host == "0.0.0.0"  # noqa: S104  asserted, not bound
    assert settings.signature == "require"
    assert settings.PUBLIC_URL == "https://voice.example.in"
    assert settings.provider("TTS") == ("openai", "OPENAI_API_KEY is set")


def test_a_secret_is_never_repeated_in_a_fault() -> None:
    assert "hunter2" not in " ".join(faults(MONGODB_URI="hunter2"))


def test_an_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nAGENT_NAME=Asha\nUNRELATED=1\n")
    monkeypatch.setenv("PORT", "5000")

    settings = config.load()

    assert (settings.PORT, settings.AGENT_NAME) == (5000, "Asha")


def test_what_cannot_be_read_of_an_env_file_is_told_with_all_else_but_not_what_it_holds(tmp_path) -> None:
    (tmp_path / ".env").write_text(
        'PORT=none\nTWILIO_AUTH_TOKEN: hunter2\nAGENT_NAME="Asha\nFILLER_S=2\n\n# end\nBARE\n'
    )

    told = faults()

    assert len(told) == 3
    assert told[0].startswith(".env, line 2: ")
    assert told[1].startswith(".env, line 3: ")
    assert told[2].startswith("PORT: ")
    assert "hunter2" not in " ".join(told)


def test_an_env_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / ".env").write_bytes(b"AGENT_NAME=\xff\n")
    assert faults() == (".env cannot be read: it is not UTF-8.",)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # chmod does not keep root out

    monkeypatch.setattr(Path, "open", refused)
    assert faults() == (".env cannot be read: Permission denied.",)


def test_a_provider_without_its_credentials_is_told() -> None:
    assert "OPENAI_BASE_URL" in faults(PROVIDER="openai")[0]


def test_a_compatible_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    assert config.load().provider("LLM") == ("openai", "OPENAI_BASE_URL is set")


def test_one_port_may_have_another_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setenv("TTS_PROVIDER", "local")

    settings = config.load()

    assert [settings.provider(port)[0] for port in ("STT", "LLM", "TTS")] == ["openai", "openai", "local"]


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config.load().PORT = 1


def test_what_lines_and_transfers_need_is_checked_at_the_start() -> None:
    found = faults(LANGUAGE="Hindi", TRANSFER_TO="080 1234", LINES_FILE="gone.toml")

    assert len(found) == 3
    assert any("TRANSFER_TO: must be a number such as +918012345678" in fault for fault in found)
    assert any("LINES_FILE: there is no file gone.toml" in fault for fault in found)
    assert any("LANGUAGE: must be a language tag such as" in fault for fault in found)


def test_a_caller_without_a_line_goes_one_way() -> None:
    found = faults(BUSY_QUEUE="<sales>", BUSY_DIAL="+918012345678", BUSY_REJECT="on", BUSY_TEXT="Busy.")

    assert len(found) == 3
    assert "BUSY_QUEUE and BUSY_DIAL and BUSY_REJECT: a caller without a line can go one way only" in found[0]
    assert "BUSY_QUEUE ('<sales>') must be a name" in found[1]
    assert "BUSY_TEXT is never heard" in found[2]


@pytest.mark.parametrize("number", ["+918012345678", "sip:desk@example.in", "sips:desk@example.in:5061;transport=tls"])
def test_calls_may_be_passed_on_to_numbers_and_sip_addresses(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv("TRANSFER_TO", number)
    monkeypatch.setenv("LANGUAGE", "hi-in")

    settings = config.load().model_dump()

    assert settings["TRANSFER_TO"] == number
    assert settings["LANGUAGE"] == "hi-IN"


def test_whoever_stands_in_has_time_to() -> None:
    live = {"OPENAI_API_KEY": "sk-x", "PIPELINE": "realtime"}
    found = faults(**live, TTS_FIRST_S="2.5", STT_FINAL_S="5.5", REALTIME_FIRST_S="5")
    assert [fault.split()[0] for fault in found] == ["STT_FINAL_S", "TTS_FIRST_S", "REALTIME_FIRST_S"]
    assert "at least 1 s less than TTS_TIMEOUT_S (3)" in found[1]


def test_limits_that_are_not_used_do_not_stop_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_TIMEOUT_S", "2")
    assert config.load().TTS_TIMEOUT_S == 2


def test_what_is_wrong_with_a_bucket_is_told_at_once() -> None:
    found = faults(S3_BUCKET="My_Bucket", S3_ACCESS_KEY="k", S3_ENDPOINT="files", S3_PUBLIC_URL="ftp://x")
    for part in ("S3_BUCKET ('My_Bucket')", "go together", "S3_ENDPOINT: must be a URL", "S3_PUBLIC_URL: must be"):
        assert any(part in fault for fault in found), part

    (fault,) = faults(S3_BUCKET="sound", S3_ENDPOINT="https://a.r2.cloudflarestorage.com/sound")
    assert "leave out /sound" in fault
    (fault,) = faults(S3_BUCKET="sound")
    assert "S3_REGION (such as ap-south-1)" in fault
    (fault,) = faults(S3_ACCESS_KEY="k", S3_SECRET_KEY="hidden", S3_ENDPOINT="https://s3.example.in")
    assert fault == "S3_ACCESS_KEY, S3_SECRET_KEY, S3_ENDPOINT: set S3_BUCKET as well, or none of them."


def test_a_recording_must_fit_into_a_file() -> None:
    (fault,) = faults(RECORD_CALLS="true", CALL_MAX_MINUTES="1441")
    assert "CALL_MAX_MINUTES" in fault


@pytest.mark.parametrize(
    "env",
    [
        {"S3_REGION": "ap-south-1"},
        {"S3_BUCKET": "sound", "S3_REGION": "ap-south-1"},
        {"S3_BUCKET": "sound", "S3_ENDPOINT": "http://minio:9000", "S3_ACCESS_KEY": "k", "S3_SECRET_KEY": "s"},
    ],
)
def test_a_bucket_may_be_anywhere(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert env.get("S3_BUCKET", "") == config.load().S3_BUCKET


@pytest.mark.parametrize("value", ["short", "with a space in it, and long", "x" * 201])
def test_an_api_token_is_hard_to_guess_and_never_shown(value: str) -> None:
    (fault,) = faults(API_TOKEN=value)
    assert "openssl rand" in fault
    assert value not in fault


@pytest.mark.parametrize(
    "value", ["crm.example.in", "https://crm.example.in/calls", "https://a.in https://b.in", "file://x"]
)
def test_an_origin_is_one(value: str) -> None:
    (fault,) = faults(CORS_ORIGINS=f"https://ok.example.in, {value}")
    assert value in fault


def test_the_api_is_open_to_this_machine_alone() -> None:
    assert config.load().api == "open"
    assert config.load(HOST="localhost").api == "open"
    assert config.load(HOST="0.0.0.0").api == "keys"  # noqa: S104
    assert config.load(PUBLIC_URL="https://voice.example.in").api == "keys"
    assert config.load(HOST="0.0.0.0", API_TOKEN="x" * 20).api == "token"  # noqa: S104


def test_signatures_cannot_be_off_in_production() -> None:
    for policy in ("off", "log"):
        assert any(
            f"TWILIO_SIGNATURE={policy} lets anybody" in each
            for each in faults(APP_ENV="production", TWILIO_SIGNATURE=policy)
        )


def test_the_token_in_use_is_the_first_of_two() -> None:
    (fault,) = faults(TWILIO_AUTH_TOKEN_SECONDARY="b" * 32)
    assert "TWILIO_AUTH_TOKEN is not" in fault
    settings = config.load(TWILIO_AUTH_TOKEN="a" * 32, TWILIO_AUTH_TOKEN_SECONDARY="b" * 32)
    assert settings.auth_tokens == ("a" * 32, "b" * 32)


def test_what_is_secret_is_known_the_password_of_the_database_included() -> None:
    settings = config.load(MONGODB_URI="mongodb://u:p%40ss@h1,h2/x", API_TOKEN="x" * 20)

    assert {"p%40ss", "p@ss", "x" * 20} < set(settings.secrets)
    assert config.load(MONGODB_URI="mongodb://[::1").secrets == ("mongodb://[::1",)


@pytest.mark.parametrize(("given", "workers"), [("1", 1), ("3", 3), ("64", 64)])
def test_a_server_has_as_many_workers_as_it_is_told(given: str, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", given)
    assert config.load().workers == workers


def test_or_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", "auto")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(7))
    assert config.load().workers == 7


@pytest.mark.parametrize("given", ["0", "65", "-1", "two", "1.5", "²"])
def test_and_no_number_is_a_fault(given: str) -> None:
    assert faults(WORKERS=given) == (f"WORKERS={given} is no number of processes; set one from 1 to 64, or auto.",)
