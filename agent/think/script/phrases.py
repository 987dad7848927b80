"""What the scripted agent can say: a topic or a move in; warm, short, spoken Indian English out.

Questions come in two wordings: nobody likes to be asked the same thing in the same words. `topics.topic_of` must know
the topic of each.
"""

from __future__ import annotations

QUESTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "": {
        "intent": (
            "Shall I help you to buy, to sell, or to rent?",
            "Are you looking to buy, sell or rent a home?",
        ),
        "location": (
            "Which area do you have in mind?",
            "Which part of the city would you like to live in?",
        ),
        "budget": (
            "What budget do you have in mind?",
            "Roughly how much would you like to spend?",
        ),
        "timeline": (
            "How soon are you hoping to move?",
            "By when would you like to have it?",
        ),
        "property": (
            "What kind of home would you like, a flat, a villa or a plot?",
            "How many bedrooms do you need?",
        ),
        "name": (
            "May I have your name, please?",
            "And your good name, please?",
        ),
        "callback": (
            "Shall I ask a colleague to call you on this number and arrange a visit?",
            "May a colleague call you back with the details?",
        ),
        "confirm": (
            "Is that right?",
            "Did I get everything right?",
        ),
        "correction": (
            "What should I change?",
            "Sorry, what did I get wrong?",
        ),
        "more": (
            "Is there anything else I should tell them?",
            "Anything else I can do for you?",
        ),
    },
    "sell": {
        "property": (
            "What kind of property is it, a flat, a house or a plot?",
            "How many bedrooms does it have?",
        ),
        "location": (
            "Where is it?",
            "Which area is the property in?",
        ),
        "budget": (
            "What price do you have in mind?",
            "Roughly how much are you hoping to get for it?",
        ),
        "timeline": (
            "How soon would you like to sell?",
            "By when would you like it sold?",
        ),
        "callback": (
            "Shall I ask a colleague to call you on this number about a valuation?",
            "May a colleague call you back with the next steps?",
        ),
    },
    "let": {
        "budget": (
            "What monthly rent do you have in mind?",
            "Roughly how much rent are you expecting?",
        ),
        "timeline": (
            "From when would it be free?",
            "By when would you like a tenant?",
        ),
        "callback": (
            "Shall I ask a colleague to call you on this number about it?",
            "May a colleague call you back with the next steps?",
        ),
    },
    "think": {
        "callback": (
            "Shall a colleague call you in a few days?",
            "May a colleague call you back in some days?",
        ),
    },
    "rent": {
        "budget": (
            "What monthly rent would you be comfortable with?",
            "Roughly how much rent would you like to pay a month?",
        ),
        "timeline": (
            "When would you like to move in?",
            "How soon do you need it?",
        ),
    },
    "invest": {
        "location": (
            "Which area do you have in mind for it?",
            "Which part of the city interests you?",
        ),
        "budget": (
            "How much would you like to invest?",
            "What budget do you have in mind for it?",
        ),
        "timeline": (
            "How soon would you like to invest?",
            "By when do you plan to invest?",
        ),
        "property": (
            "What kind of property do you prefer, a flat, a shop or a plot?",
            "What kind would suit you, a home or a commercial place?",
        ),
    },
    "browse": {
        "location": (
            "Which area are you curious about?",
            "Which part of the city do you like?",
        ),
        "budget": (
            "Roughly what budget are you thinking of, if I may ask?",
            "What budget would be comfortable?",
        ),
        "callback": (
            "May a colleague call you when something nice comes up?",
            "Would you like a call when something suits you?",
        ),
    },
}
"""Questions by intent; "" holds those of everybody, "think" that to a caller who wants time."""

GOALS: dict[str, tuple[str, ...]] = {
    "": ("location", "budget", "timeline", "property", "name", "callback"),
    "sell": ("property", "location", "budget", "timeline", "name", "callback"),
    "let": ("property", "location", "budget", "timeline", "name", "callback"),
    "browse": ("location", "budget", "callback"),
}
"""What to find out, in order, by intent; "" is a buyer's, a tenant's and an investor's."""

PLEASED = ("Lovely.", "Very good.", "Wonderful.", "Nice.")

MOVES = {
    "robot": "Yes, I am an automated assistant of {company}, not a person. A colleague can call you any time you like.",
    "who": "This is {agent}, the automated assistant of {company}.",
    "how_are_you": "I am very well, thank you for asking.",
    "can_you_hear": "Yes, I can hear you.",
    "language": "I am sorry, I can speak only English so far. A colleague can call you back in your language.",
    "office": "I do not have our address and timings here, sorry. A colleague can tell you.",
    "loan": "A colleague can help you with a home loan, and tell you what the banks offer.",
    "source": "This is {agent} of {company}. Sorry, I cannot see who gave us your number. "
    "If you do not want calls from us, just tell me.",
    "wait": "Of course, take your time.",
    "sorry": "Sorry to have caught you at a busy moment.",
    "has_agent": "That is perfectly fine. We can still be a second pair of eyes for you.",
    "think": "Of course, please take your time.",
    "price": "Prices differ a lot, so I would not like to guess. A colleague can give you exact figures.",
    "available": "I would not like to promise what is free today. A colleague can check and tell you.",
    "thanks": "You are most welcome.",
    "dont_know": "No problem at all.",
    "help": "I can help you to buy, sell, rent or let a home, and a colleague can call you with the details.",
    "question": "I do not want to tell you anything wrong there. A colleague can answer that for you.",
    "human": "Of course. A colleague will call you back on this number.",
}
LEAVING = {
    "stop_calling": "I am sorry for the trouble, I have noted that you do not want to be called. Goodbye!",
    "will_call": "Of course, take your time, and call us whenever it suits you. Have a lovely day. Goodbye!",
    "wrong_number": "Oh, I am sorry for the trouble. Have a good day. Goodbye!",
    "not_interested": "I understand, no problem at all. Thank you for your time. Goodbye!",
}
MOMENT = "Do you have a moment?"
UNLISTED = "I am sorry for the trouble. A colleague will see to it that you are not called again. Goodbye!"
"""To somebody whose number could not be put on the list."""

PATIENCE = ("Take your time.", "I am listening.")
UNCLEAR = (
    "Sorry, I did not catch that.",
    "I am sorry, the line is not very clear.",
    "Sorry, I still could not hear you.",
)
GREETING = "Hello, this is {agent} from {company}."


def question(topic: str, intent: str, wording: int) -> str:
    """The question for a topic in its first (0) or second (1) wording."""
    own = QUESTIONS.get(intent, {})
    if intent == "let" and topic not in own:
        own = QUESTIONS["sell"]
    return own.get(topic, QUESTIONS[""][topic])[wording % 2]
