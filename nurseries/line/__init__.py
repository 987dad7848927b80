"""A call's way in and out: what comes by the socket, and what goes to it; and the clocks beside both. Children of the
call, most of them, and what they pass things through; none knows the talk."""
