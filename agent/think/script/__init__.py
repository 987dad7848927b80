"""The scripted dialogue's parts: what the caller is doing, what has been said so far, what the agent can say."""
