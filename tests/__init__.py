"""The test-suite. Files mirror the modules; one more per promise that crosses rooms."""
