"""What the agent can do beside speaking: one file a tool."""
