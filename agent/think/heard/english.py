"""Everyday English words that are neither a person's nor a place's name, for telling names from the words around them.

`everyday(word)` also knows endings that no Indian name in use here has, so that the list can stay short.
"""

from __future__ import annotations

import re

_WORDS = """
a about absolutely account actually advance after afternoon again agent ago agreed all alone already alright also am
amount an and another any anybody anyone anything anytime anywhere apart apartment apartments april are area areas
around as ask at august available avenue away
back bad balcony basically bathroom because bed bedroom bedrooms been before best better between bhk big bit book both
bought break broker brother budget builder building bungalow business busy but buy buyer by bye
call called came can car care case cash centre center certain change cheap check child children city class clear close
cold colleague come comfortable commercial community company complete condo confirm contact correct cost could
couple course crore crores cr currently
daughter day days december decide decided delay details did different do does done door down driving due during
each early east either else email emergency emi end english enough enquiry entire especially even evening event ever
every everything exact exactly expensive extra
facing fact family far farm farmhouse fast father february feel few fifth final find fine first flat flats flexible
floor for forget four fourth free friday friend friends from front full furnished further future
garden gated general get give go god good goodbye got great ground group
had half hall happy hard has have he hear heard hello help her here hi high him his hold holiday home homes hope hour
hours house houses how hundred hurry husband
i idea if immediate immediately important in independent india indian information inside interest interested investor
is it its
january job july june just
keep kid kids kind kitchen know
lakh lakhs land landlord large last late later least leave left less let level lift like line list listen little
live loan local location locality long look lot lots love lower luxury
ma'am madam main make man manager many march market married matter may maybe me mean medium meet member mention message
metro middle might mind mine minute minutes miss modern moment monday money month months more morning most mostly
mother move mr mrs ms much must my myself
name near nearby need neither never new next nice night no nobody none noon normal north not nothing november now number
october of off offer office often oh ok okay old on once one only open option options or order other our out outside
over own owner
paid parents park parking part party pay pent penthouse people per perfect perhaps person phase phone place plan please
plot plots plus point pool possible prefer present price prices private problem project proper properly properties
property purchase
quality question quick quickly quiet quite
range rate ready real really reason reasonable recently regarding rent rental repeat residential resale retired right
road room rooms row rupees
safe said sale same saturday save say school sea second sector security see self sell seller semi send september serious
service set several shall she shop short should show shown side single sir sister site situation size small so society
some somebody someone something sometime sometimes somewhere son soon sorry south space speak special square start
stay still stop street student studio stuff such suitable sunday sure
take talk team tell ten tenant terrace terms than thank thanks that the their them then there these they thing things
think third this those though thousand three thursday time times to today together told tomorrow tonight too top total
tower town traffic trouble true try tuesday two type
um uh under understand unfortunately unit until up upto urgent us use usually
vacant very view villa villas visit
wait want was water way we wednesday week weekend weekends weeks welcome well were west what whatever when where whether
which while white who whole why wife will winter with within without woman wonderful wondering work world would wrong
yeah year years yep yes yesterday yet you young your yourself
""".split()  # noqa: SIM905  a list of words is easier to keep as prose

EVERYDAY = frozenset(_WORDS)
_ENDING = re.compile(
    r"(?:[b-df-hj-np-tv-z]ing|[aeiou][st]ing|tion|ment|ness|able|ally|ited|ired|ried|used|ested|rned|sed)$"
)


def everyday(word: str) -> bool:
    """Whether a lower-case word is no name."""
    return word in EVERYDAY or bool(_ENDING.search(word))
