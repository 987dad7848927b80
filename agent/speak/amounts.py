"""What voices stumble on, written out: amounts of rupees, flats in BHK, measures, signs, web and mail addresses.

"₹80 lakhs" becomes "80 lakh rupees", "2BHK" "2 B H K", "1,200 sq.ft." "1,200 square feet", "24/7" "24 7".
"""

from __future__ import annotations

import re

_DASH = "[-\u2013\u2014]"
_RUPEE = r"(?:₹|(?<![A-Za-z])(?:Rs|INR|rs|inr)\b\.?|(?<![A-Za-z])(?:[Rr]upees)\b(?=\s*\d))"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SCALES = {
    "lakh": r"[Ll]akhs?|[Ll]acs?|LAKHS?|L|lks?",
    "crore": r"[Cc]rores?|CRORES?|[Cc]rs?|CR",
    "thousand": r"[Tt]housands?|[Kk]",
    "million": r"millions?|mn",
    "billion": r"billions?|bn",
}
_SCALE = "|".join(_SCALES.values())
_ABBREVIATED = r"(?:\.(?=\s*[a-z]))?"
"""The point of "Cr." within a sentence; in front of a capital it may end one, and stays."""
_AMOUNT = re.compile(
    rf"{_RUPEE}\s*(?P<low>{_NUMBER})(?:\s*(?P<lowscale>{_SCALE})\b{_ABBREVIATED})?"
    rf"(?:\s*(?P<to>{_DASH}|to|and)\s*(?:{_RUPEE}\s*)?(?P<high>{_NUMBER}))?"
    rf"(?:\s*(?P<scale>{_SCALE})\b{_ABBREVIATED})?(?:\s*/-)?(?:\s+(?:[Rr]upees|[Rr]s\b\.?))?"
)
_BARE_SCALE = re.compile(
    rf"(?<![\w.,])(?P<number>{_NUMBER})\s?(?P<scale>L|[Cc]rs?|CR|K)\b{_ABBREVIATED}(?:\s+(?P<rupees>[Rr]upees|[Rr]s\b\.?))?"
)
_GROUPED = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d\d)+,\d{3}(?![\d,]*\d)(?:/-)?")
_SLASH_DASH = re.compile(r"(?<=\d)/-")
_PHONE = re.compile(r"(?<![\d.,])(?P<country>\+91[ -]?)?(?P<first>[6-9]\d{4})[ -]?(?P<last>\d{5})(?![\d,]*\d)")

_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b")
_SQUARE_FEET = r"(?:[Ss]q\.?\s*-?\s*ft\b|[Ss]qft\b|sft\b|ft²|square feets?\b)"
_COUNTED = "lakh|crore|thousand|B H K|square|percent|months?|years?|days?|weeks?|minutes?"
_WORDS = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (rf"(?:\s*/\s*|\b[Pp]er\s+){_SQUARE_FEET}{_ABBREVIATED}", " per square foot"),
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
        (r"(?<=\d)\s*%", " percent"),
        (r"(?<=\d)\s*(?:°\s*C\b|℃)", " degrees Celsius"),
        (r"\s*&\s*", " and "),
        (r"\band/or\b", "or"),
        (r"\b24\s*[/x]\s*7\b", "24 7"),
        (r"\b[wW]/o\b", "without"),
        (r"(?<=\w)\s*/\s*(?=(?:months?|mo|years?|yr|days?|nights?|weeks?)\b)", " per "),
        (r"(?<=[^\W\d_])\s*/\s*(?=[^\W\d_])", " or "),
        (rf"(?<=\d)\s*{_DASH}\s*(?=\d+(?:\.\d+)?\s*(?:{_COUNTED})\b)", " to "),
        (r"(?<=\d)\s*\+(?!\d)", " plus"),
        (r"\s\+\s", " plus "),
        (r"\s=\s", " equals "),
        (r"(?<!\S)@(?=\s|\d)", "at"),
        (r"(?<!\w)#(?=\d)", "number "),
        (r"[™®©]", ""),
        (r"\s*→\s*", " to "),
        (rf"(?<=\w)\s+{_DASH}\s+(?=\w)", ", "),
        (r"(?<=\w)[\u2013\u2014](?=[^\W\d_])", ", "),
        (r"_+", " "),
        (r"[“”«»]", '"'),
    )
)


def written_out(text: str) -> str:
    """The text with every such thing in words."""
    text = _EMAIL.sub(lambda m: _address(m.group()), text)
    text = _URL.sub(lambda m: _address(re.sub(r"(?i)^https?://(?:www\.)?|^www\.", "", m.group())), text)
    text = _PHONE.sub(_phone, text)
    text = _AMOUNT.sub(_amount, text)
    text = _BARE_SCALE.sub(_bare_amount, text)
    text = _GROUPED.sub(lambda m: indian(m.group().removesuffix("/-")), text)
    text = _SLASH_DASH.sub("", text)
    for pattern, by in _WORDS:
        text = pattern.sub(by, text)
    return text


def indian(number: str) -> str:
    """A whole number from a lakh up in the words it is known by: "80,00,000" is "80 lakh". Others stay as they are."""
    value = float(number.replace(",", ""))
    if value < 100_000 or not value.is_integer():
        return number
    whole = int(value)
    for unit, name in ((10_000_000, "crore"), (100_000, "lakh")):
        if whole >= unit and whole % (unit // 100) == 0:
            return f"{whole / unit:.12g} {name}"
    parts = []
    for unit, name in ((10_000_000, " crore"), (100_000, " lakh"), (1000, " thousand"), (1, "")):
        count, whole = divmod(whole, unit)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts)


def _amount(match: re.Match[str]) -> str:
    low, high = match["low"].rstrip(","), match["high"]
    comma = "," if (high or match["low"]).endswith(",") else ""
    if not (match["lowscale"] or match["scale"] or high):
        return f"{indian(low)} rupees{comma}"
    words = low
    if match["lowscale"]:
        words += f" {_scale(match['lowscale'])}"
    if high:
        high = high.rstrip(",")
        plain = not (match["lowscale"] or match["scale"])
        words = f"{indian(low) if plain else words} {'and' if match['to'] == 'and' else 'to'} "
        words += indian(high) if plain else high
    if match["scale"]:
        words += f" {_scale(match['scale'])}"
    return f"{words} rupees{comma}"


def _bare_amount(match: re.Match[str]) -> str:
    return f"{match['number'].rstrip(',')} {_scale(match['scale'])}" + (" rupees" if match["rupees"] else "")


def _scale(word: str) -> str:
    return next(name for name, pattern in _SCALES.items() if re.fullmatch(pattern, word))


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
