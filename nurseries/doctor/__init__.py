"""The doctor: the parts that a call uses, measured before there is a call."""
