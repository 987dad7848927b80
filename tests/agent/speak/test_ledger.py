import copy

from hypothesis import given
from hypothesis import strategies as st

from agent.speak.ledger import MAX_LAG_MS, Heard, Ledger, cut_at_word

TEXT = "one two three four five six seven eight nine ten"


def test_a_returned_mark_proves_its_sentence() -> None:
    ledger = Ledger()
    first = ledger.open(1, "Hello.")
    ledger.sent(first, 8000, now_ms=100)
    ledger.marked(first)
    assert ledger.playing(1099)

    ledger.returned(first.mark, now_ms=1150)

    assert ledger.take() == [Heard(1, "Hello.", 100, 1100)]
    assert not ledger.playing(1151)
    assert ledger.take() == []


def test_a_sentence_cut_in_the_middle_is_heard_to_the_last_whole_word() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, TEXT)
    ledger.sent(sentence, 16000, now_ms=0)
    ledger.marked(sentence)

    ledger.clear(now_ms=1000)

    (heard,) = ledger.take()
    assert (heard.text, heard.rest) == ("one two three four five", "six seven eight nine ten")
    assert heard.interrupted
    assert heard.end_ms == 1000
    assert not ledger.playing(1000)


def test_marks_that_come_back_because_of_our_clear_prove_nothing() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, TEXT)
    ledger.sent(sentence, 16000, now_ms=0)
    ledger.marked(sentence)
    ledger.clear(now_ms=0)
    ledger.take()

    ledger.returned(sentence.mark, now_ms=20)

    assert ledger.take() == []


def test_a_sentence_still_being_made_is_not_taken_for_whole() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, TEXT)
    ledger.sent(sentence, 800, now_ms=0)

    ledger.clear(now_ms=5000)

    (heard,) = ledger.take()
    assert heard.interrupted
    assert heard.text == ""


def test_sending_late_leaves_a_gap_that_is_not_counted_as_speech() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, TEXT)
    ledger.sent(sentence, 8000, now_ms=0)
    ledger.sent(sentence, 8000, now_ms=3000)
    ledger.marked(sentence)

    ledger.clear(now_ms=3000)

    assert ledger.take()[0].text == "one two three four five"


def test_a_mark_that_never_comes_is_replaced_by_the_clock() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, "Hello.")
    ledger.sent(sentence, 8000, now_ms=0)
    ledger.marked(sentence)

    ledger.settle(999)
    assert ledger.take() == []
    assert ledger.playing(1500)
    assert not ledger.playing(2001)

    ledger.settle(1000)
    assert [h.text for h in ledger.take()] == ["Hello."]


def test_where_marks_come_late_the_clock_is_believed_as_much_later() -> None:
    ledger = Ledger()
    first = ledger.open(1, "Hello.")
    ledger.sent(first, 8000, now_ms=0)
    ledger.marked(first)
    ledger.returned(first.mark, now_ms=1300)
    second = ledger.open(1, TEXT)
    ledger.sent(second, 8000, now_ms=1300)
    ledger.marked(second)
    ledger.take()

    ledger.settle(now_ms=2599)
    assert ledger.take() == []
    ledger.settle(now_ms=2600)
    assert ledger.take() == [Heard(1, TEXT, 1300, 2300)]


def late_by(late_ms: float) -> Ledger:
    """One whose first mark came back so late; a sentence of a second is on its way from 1300 on."""
    ledger = Ledger()
    first = ledger.open(1, "Hello.")
    ledger.sent(first, 800, now_ms=0)
    ledger.marked(first)
    ledger.returned(first.mark, now_ms=100 + late_ms)
    second = ledger.open(1, TEXT)
    ledger.sent(second, 8000, now_ms=1300)
    ledger.marked(second)
    ledger.take()
    return ledger


def test_what_is_still_on_the_way_to_the_ear_was_not_heard() -> None:
    late, prompt = late_by(300), late_by(0)
    late.clear(now_ms=2100)
    prompt.clear(now_ms=1800)

    (heard,) = late.take()
    assert [heard] == prompt.take()
    assert heard.text == "one two three four five"


def test_a_mark_that_was_late_itself_delays_what_is_heard_by_no_more_than_a_way_can_take() -> None:
    late, most = late_by(1100), late_by(MAX_LAG_MS)
    late.clear(now_ms=2000)
    most.clear(now_ms=2000)

    (heard,) = late.take()
    assert [heard] == most.take()
    assert heard.text == "one two"


def test_a_later_mark_proves_the_earlier_sentences_in_playing_order() -> None:
    ledger = Ledger()
    sentences = [ledger.open(1, f"{n}.") for n in range(3)]
    for sentence in sentences:
        ledger.sent(sentence, 80, now_ms=0)
        ledger.marked(sentence)

    ledger.returned(sentences[1].mark, now_ms=30)

    assert [h.text for h in ledger.take()] == ["0.", "1."]


@given(st.floats(-1, 2), st.text(alphabet="ab ₹é", max_size=40))
def test_a_cut_keeps_whole_words_only(share: float, text: str) -> None:
    words = cut_at_word(text, share)
    assert text.startswith(words)
    rest = text[len(words) :]
    assert not words or not rest or rest[0].isspace() or words[-1].isspace()


@given(
    st.lists(
        st.tuples(st.sampled_from(["send", "mark", "return", "clear", "settle"]), st.integers(0, 300)), max_size=60
    )
)
def test_never_more_is_heard_than_was_sent(steps: list[tuple[str, int]]) -> None:
    ledger = Ledger()
    now = 0.0
    sent = 0.0
    sentence = ledger.open(1, TEXT)
    marks: list[str] = []
    for step, amount in steps:
        now += amount
        if step == "send":
            ledger.sent(sentence, amount * 8 + 8, now)
            sent += amount + 1
        elif step == "mark" and sentence.spans:
            ledger.marked(sentence)
            marks.append(sentence.mark)
            sentence = ledger.open(1, TEXT)
        elif step == "return" and marks:
            ledger.returned(marks[amount % len(marks)], now)
        elif step == "clear":
            ledger.clear(now)
            sentence = ledger.open(1, TEXT)
        else:
            ledger.settle(now)
    ledger.clear(now)
    heard = [h for h in ledger.take() if h.text or h.end_ms > h.start_ms]
    assert all(h.start_ms <= h.end_ms for h in heard)
    assert sum(1 for h in heard if not h.interrupted) <= len(marks)
    assert [h.start_ms for h in heard] == sorted(h.start_ms for h in heard)


def test_what_was_not_sent_when_the_caller_cut_in_is_part_of_the_rest() -> None:
    ledger = Ledger()
    first = ledger.open(1, "Hello there.")
    ledger.sent(first, 8000, now_ms=0)
    ledger.marked(first)
    ledger.open(1, "How are you?")

    ledger.clear(now_ms=600)

    assert [(h.text, h.rest) for h in ledger.take()] == [("Hello", "there."), ("", "How are you?")]


def test_a_sentence_that_made_no_sound_is_forgotten() -> None:
    ledger = Ledger()
    ledger.forget(ledger.open(1, "..."))
    ledger.clear(now_ms=5)

    assert ledger.take() == []


def test_the_last_mark_proves_that_nothing_plays_any_more_also_if_it_comes_early() -> None:
    ledger = Ledger()
    first, second = ledger.open(1, "One."), ledger.open(1, "Two.")
    for sentence in (first, second):
        ledger.sent(sentence, 8000, now_ms=0)
        ledger.marked(sentence)

    ledger.returned(first.mark, now_ms=990)
    assert ledger.end_ms == 2000
    ledger.returned(second.mark, now_ms=1990)

    assert ledger.end_ms == 1990
    assert not ledger.playing(1990)


def test_what_was_played_of_a_sentence_is_told_with_what_it_came_from() -> None:
    ledger = Ledger()
    line = object()
    ledger.sent(ledger.open(1, "One two three four.", line), 16_000, now_ms=0)

    ledger.clear(500)

    (heard,) = ledger.take()
    assert (heard.played_ms, heard.source) == (500, line)


@given(
    st.lists(st.tuples(st.sampled_from(["open", "send", "mark", "return", "pass"]), st.integers(1, 4000)), max_size=30)
)
def test_what_is_heard_so_far_is_what_a_cut_would_leave_and_nothing_is_cut(steps: list[tuple[str, int]]) -> None:
    ledger, sentences, now = Ledger(), [], 0.0
    for n, (step, amount) in enumerate(steps):
        if step == "open":
            sentences.append(ledger.open(n, TEXT))
        elif step == "pass":
            now += amount
        elif sentences and step == "send":
            ledger.sent(sentences[-1], amount, now)
        elif sentences and step == "mark":
            ledger.marked(sentences[-1])
        elif sentences:
            ledger.returned(sentences[0].mark, now)
    before = copy.deepcopy(ledger)

    told = ledger.so_far(now)

    assert ledger.so_far(now) == told
    assert ledger.end_ms == before.end_ms
    before.clear(now)
    assert told == [heard for heard in before.take() if heard.text]
