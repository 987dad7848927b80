"""The packaged recordings in the words and the voice of one call: a clip in, the clip to play out.

The recordings are English, and are there when no voice is to be had. A call in another language, or with words of its
line's own, has them made by its voice once, ahead of need. Until then, and where that fails, the packaged one is
played.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent import language
from agent.speak.clips import AGAIN, APOLOGY, CONNECTING, LOST, MOMENT, STILL, TROUBLE, Clip

REMADE = (MOMENT, STILL, TROUBLE, CONNECTING, LOST, AGAIN, APOLOGY)
"""In the order in which they may be needed. The greeting and the goodbye are the line's own words already."""

WORDS_IN = {
    "hi": {
        MOMENT.name: "एक मिनट, प्लीज़।",
        STILL.name: "माफ़ कीजिए, थोड़ा और समय लगेगा।",
        TROUBLE.name: "माफ़ कीजिए, मेरी तरफ़ थोड़ी दिक्कत हो रही है। क्या आप फिर से कह सकते हैं?",
        LOST.name: "माफ़ कीजिए, एक पल के लिए आपकी आवाज़ नहीं आई।",
        AGAIN.name: "क्या आप फिर से कह सकते हैं?",
        CONNECTING.name: "अभी आपकी बात हमारे सहकर्मी से करवाते हैं। कृपया एक क्षण रुकिए।",
        APOLOGY.name: "माफ़ी चाहते हैं, हमारी तरफ़ कुछ गड़बड़ हो गई है। कृपया थोड़ी देर बाद फिर से कॉल कीजिए। नमस्ते!",
    }
}

MOST = 256
"""Recordings kept in one process, of some 25 KB each: fifty ways to speak."""


class Repertoire:
    """One process's recordings. For the event loop only."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Clip] = {}
        self._begun: set[tuple[str, str]] = set()

    def of(self, words: Mapping[str, str], speaker: str, tag: str) -> Phrases:
        """A call's: the line's own `words` by the name of a clip, else those of the language `tag`. `speaker` is the
        voice that says them, with its language."""
        return Phrases(self._made, self._begun, {**WORDS_IN.get(language.code(tag), {}), **words}, speaker)


class Phrases:
    """One call's view of them."""

    def __init__(
        self,
        made: dict[tuple[str, str], Clip],
        begun: set[tuple[str, str]],
        words: Mapping[str, str],
        speaker: str,
    ) -> None:
        self._made = made
        self._begun = begun
        self._words = words
        self._speaker = speaker

    def __call__(self, clip: Clip) -> Clip:
        """What is to be played for it now."""
        return self._made.get(self._key(clip), clip)

    def words(self, clip: Clip) -> str:
        """What it says in this call, for the call's own voice."""
        return self._words.get(clip.name, clip.text)

    def texts(self, clips: Iterable[Clip]) -> frozenset[str]:
        """Everything that may stand in a transcript for these."""
        return frozenset(text for clip in clips for text in (clip.text, self._words.get(clip.name, clip.text)))

    def begin(self) -> Clip | None:
        """The next one to be made, with its words but no sound yet; None where nothing is left to do, or another call
        is at it. Answer with `made` or `left`."""
        for clip in REMADE:
            key = self._key(clip)
            if clip.name in self._words and key not in self._made and key not in self._begun:
                if len(self._made) + len(self._begun) >= MOST:
                    return None
                self._begun.add(key)
                return Clip(clip.name, self._words[clip.name], b"")
        return None

    def made(self, clip: Clip) -> None:
        """It has its sound now."""
        self.left(clip)
        self._made[self._key(clip)] = clip

    def left(self, clip: Clip) -> None:
        """It was not made; another call may try."""
        self._begun.discard(self._key(clip))

    def _key(self, clip: Clip) -> tuple[str, str]:
        return self._speaker, f"{clip.name}: {self._words.get(clip.name, '')}"
