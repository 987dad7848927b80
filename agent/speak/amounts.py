"""What voices stumble on, written out: amounts of rupees, flats in BHK, measures, signs, web and mail addresses.

"₹80 lakhs" becomes "80 lakh rupees", "2BHK" "2 B H K", "1,200 sq.ft." "1,200 square feet", "24/7" "24 7".
"""

from __future__ import annotations

import re

from agent.speak.wording import ENGLISH, HINDI, Wording, wording_of

_DASH = "[-\u2013\u2014]"
_SIGNS = "\u0900-\u0963\u0970-\u0dff"
"""Letters of Indian scripts with their vowel signs, most of which are no word characters to `re`."""
_END = rf"(?![\w{_SIGNS}])"
_LETTER_BEFORE = rf"(?:(?<=[^\W\d_])|(?<=[{_SIGNS}]))"
_LETTER_AHEAD = rf"(?=[^\W\d_]|[{_SIGNS}])"
_RUPEE = (
    r"(?:₹|(?<![A-Za-z])(?:Rs|INR|rs|inr)\b\.?|(?<![A-Za-z])(?:[Rr]upees)\b(?=\s*\d)"
    rf"|(?<![{_SIGNS}])(?:(?:रु|रू){_END}\.?|रुप(?:ये|ए){_END})(?=\s*\d))"
)
_RUPEES_BEHIND = rf"(?:\s+(?:[Rr]upees|[Rr]s\b\.?|रुप(?:ये|ए){_END}|(?:रु|रू){_END}\.?))"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SCALES = {
    "lakh": r"[Ll]akhs?|[Ll]acs?|LAKHS?|L|lks?|लाख",
    "crore": r"[Cc]rores?|CRORES?|[Cc]rs?|CR|करोड\u093c?",
    "thousand": r"[Tt]housands?|[Kk]|हज\u093c?ार",
    "million": r"millions?|mn",
    "billion": r"billions?|bn",
}
_SCALE = "|".join(_SCALES.values())
_ABBREVIATED = rf"(?:\.(?=\s*[a-z{_SIGNS}]))?"
"""The point of "Cr." within a sentence; in front of a capital it may end one, and stays."""
_AMOUNT = re.compile(
    rf"{_RUPEE}\s*(?P<low>{_NUMBER})(?:\s*(?P<lowscale>{_SCALE}){_END}{_ABBREVIATED})?"
    rf"(?:\s*(?P<to>{_DASH}|to|and|से|और)\s*(?:{_RUPEE}\s*)?(?P<high>{_NUMBER}))?"
    rf"(?:\s*(?P<scale>{_SCALE}){_END}{_ABBREVIATED})?(?:\s*/-)?{_RUPEES_BEHIND}?"
)
_BARE_SCALE = re.compile(
    rf"(?<![\w.,])(?P<number>{_NUMBER})\s?(?P<scale>L|[Cc]rs?|CR|K){_END}{_ABBREVIATED}(?P<rupees>{_RUPEES_BEHIND})?"
)
_GROUPED = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d\d)+,\d{3}(?![\d,]*\d)(?:/-)?")
_SLASH_DASH = re.compile(r"(?<=\d)/-")
_PHONE = re.compile(r"(?<![\d.,])(?P<country>\+91[ -]?)?(?P<first>[6-9]\d{4})[ -]?(?P<last>\d{5})(?![\d,]*\d)")

_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")
_SQUARE_FEET = r"(?:[Ss]q\.?\s*-?\s*ft\b|[Ss]qft\b|sft\b|ft²|square feets?\b)"
_COUNTED = (
    "lakh|crore|thousand|B H K|square|percent|months?|years?|days?|weeks?|minutes?"
    "|लाख|करोड\u093c?|हज\u093c?ार|प्रतिशत|महीने|साल|दिन|हफ\u093c?्ते|मिनट"
)
_TIMES = "months?|mo|years?|yr|days?|nights?|weeks?|माह|महीन[ाे]|साल|वर्ष|दिन|हफ\u093c?्त[ाे]"


def _replacements(say: Wording) -> tuple[tuple[re.Pattern[str], str], ...]:
    written = (
        (rf"(?:\s*/\s*|\b[Pp]er\s+){_SQUARE_FEET}{_ABBREVIATED}", f" {say.per} square foot"),
        (rf"(?:(?<=\d)\s*|(?<!\w)){_SQUARE_FEET}{_ABBREVIATED}", " square feet"),
        (r"(?<=\d)\s*(?:sq\.?\s*m(?:trs?|eters?|etres?)?\b\.?|m²)", " square metres"),
        (r"(?<=\d)\s*sq\.?\s*y(?:ds?|ards?)\b\.?", " square yards"),
        (r"(?<=\d)\s*kms?\b", " kilometres"),
        (r"(?i)\b(\d+(?:\.5)?)\s*-?\s*bhk\b", r"\1 B H K"),
        (r"(?i)\bbhk\b", "B H K"),
        (r"(?i)\b(\d+)\s*-?\s*rk\b", r"\1 R K"),
        (r"\bEMI\b", "E M I"),
        (r"\bNRI\b", "N R I"),
        (r"\bRERA\b", "rera"),
        (r"(?<=\d)\s*%", f" {say.percent}"),
        (r"(?<=\d)\s*(?:°\s*C\b|℃)", " degrees Celsius"),
        (r"\s*&\s*", f" {say.also} "),
        (r"\band/or\b", "or"),
        (r"\b24\s*[/x]\s*7\b", "24 7"),
        (r"\b[wW]/o\b", "without"),
        (rf"(?:(?<=\w)|(?<=[{_SIGNS}]))\s*/\s*(?=(?:{_TIMES}){_END})", f" {say.per} "),
        (rf"{_LETTER_BEFORE}\s*/\s*{_LETTER_AHEAD}", f" {say.either} "),
        (rf"(?<=\d)\s*{_DASH}\s*(?=\d+(?:\.\d+)?\s*(?:{_COUNTED}){_END})", f" {say.to} "),
        (r"(?<=\d)\s*\+(?!\d)", f" {say.plus}"),
        (r"\s\+\s", f" {say.plus} "),
        (r"\s=\s", f" {say.equals} "),
        (r"(?<!\S)@(?=\s|\d)", "at"),
        (r"(?<!\w)#(?=\d)", "number "),
        (r"[™®©]", ""),
        (r"\s*→\s*", f" {say.to} "),
        (rf"(?:(?<=\w)|(?<=[{_SIGNS}]))\s+{_DASH}\s+(?=[\w{_SIGNS}])", ", "),
        (rf"(?:(?<=\w)|(?<=[{_SIGNS}]))[\u2013\u2014]{_LETTER_AHEAD}", ", "),
        (r"_+", " "),
        (r"[“”«»]", '"'),
    )
    return tuple((re.compile(pattern), by) for pattern, by in written)


_WORDS = {say: _replacements(say) for say in (ENGLISH, HINDI)}


def written_out(text: str) -> str:
    """The text with every such thing in words, in those of Hindi where it is written in Devanagari."""
    say = wording_of(text)
    text = _EMAIL.sub(lambda m: _address(m.group()), text)
    text = _URL.sub(lambda m: _address(re.sub(r"(?i)^https?://(?:www\.)?|^www\.", "", m.group())), text)
    text = _PHONE.sub(_phone, text)
    text = _AMOUNT.sub(lambda m: _amount(m, say), text)
    text = _BARE_SCALE.sub(lambda m: _bare_amount(m, say), text)
    text = _GROUPED.sub(lambda m: indian(m.group().removesuffix("/-"), say), text)
    text = _SLASH_DASH.sub("", text)
    for pattern, by in _WORDS[say]:
        text = pattern.sub(by, text)
    return text


def indian(number: str, say: Wording = ENGLISH) -> str:
    """A whole number from a lakh up in the words it is known by: "80,00,000" is "80 lakh". Others stay as they are."""
    value = float(number.replace(",", ""))
    if value < 100_000 or not value.is_integer():
        return number
    whole = int(value)
    for unit, name in ((10_000_000, say.crore), (100_000, say.lakh)):
        if whole >= unit and whole % (unit // 100) == 0:
            return f"{whole / unit:.12g} {name}"
    parts = []
    for unit, name in ((10_000_000, f" {say.crore}"), (100_000, f" {say.lakh}"), (1000, f" {say.thousand}"), (1, "")):
        count, whole = divmod(whole, unit)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts)


def _amount(match: re.Match[str], say: Wording) -> str:
    low, high = match["low"].rstrip(","), match["high"]
    comma = "," if (high or match["low"]).endswith(",") else ""
    if not (match["lowscale"] or match["scale"] or high):
        return f"{indian(low, say)} {say.rupees}{comma}"
    words = low
    if match["lowscale"]:
        words += f" {_scale(match['lowscale'], say)}"
    if high:
        high = high.rstrip(",")
        plain = not (match["lowscale"] or match["scale"])
        words = f"{indian(low, say) if plain else words} {say.also if match['to'] in {'and', 'और'} else say.to} "
        words += indian(high, say) if plain else high
    if match["scale"]:
        words += f" {_scale(match['scale'], say)}"
    return f"{words} {say.rupees}{comma}"


def _bare_amount(match: re.Match[str], say: Wording) -> str:
    rupees = f" {say.rupees}" if match["rupees"] else ""
    return f"{match['number'].rstrip(',')} {_scale(match['scale'], say)}{rupees}"


def _scale(word: str, say: Wording) -> str:
    return str(getattr(say, next(name for name, pattern in _SCALES.items() if re.fullmatch(pattern, word))))


def _phone(match: re.Match[str]) -> str:
    country = "plus 91, " if match["country"] else ""
    return f"{country}{' '.join(match['first'])}, {' '.join(match['last'])}"


def _address(address: str) -> str:
    """ "anita@example.in" is "anita at example dot in"; of a web address, only as much as one can remember."""
    host, _, path = address.partition("/")
    if "@" not in host and (len(path) > 24 or "?" in path):
        path = ""
    spoken = f"{host}/{path}" if path else host
    spoken = spoken.strip("/").replace("@", " at ").replace(".", " dot ").replace("/", " slash ")
    return re.sub(r"\s+", " ", re.sub(r"[-_]", " ", spoken)).strip()
