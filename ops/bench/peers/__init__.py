"""Other stacks under the same callers: servers in environments of their own, made by `ops/bench/peers/install`.

What they are given is equal to our scripted providers: the same delays, the same words, sound at no cost.
"""
