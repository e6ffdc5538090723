"""What a run saves: its state, to go on from, and its final policy."""
