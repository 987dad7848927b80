"""A Realtime server, as one call has it: its socket, its session, and who speaks, hears and thinks through that. None
knows the talk."""
