"""Twilio and a caller, played against a running server or, in memory, against a call."""
