"""The agents' server: one more front of the engine, and the only layer that knows their protocol."""
