"""What an operator sees: ``metrics``, ``tracing``, ``logs``."""
