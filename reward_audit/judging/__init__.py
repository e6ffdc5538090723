"""From evidence to a verdict: the rules, their limits with reasons, and readers whose verdict is known."""
