import pytest

from nurseries.main import run


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([], ("serve", "call", "doctor")),
        (["bogus"], ("serve", "call", "doctor")),
        (["keys"], ("create", "list", "revoke")),
        (["calls"], ("list", "show", "export", "delete")),
        (["do-not-call"], ("add", "remove", "check", "list", "import")),
    ],
)
def test_who_gives_no_command_or_a_wrong_one_is_told_which_there_are(
    given: list[str], named: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        run(given)
    assert exit_.value.code == 2
    told = capsys.readouterr().err
    assert all(name in told for name in named)
