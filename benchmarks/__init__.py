"""Side-by-side measurements: each prints ratios against a named alternative of the same run."""
