"""Fresh frames, load on a server, and what its processes use. Knows no contender."""
