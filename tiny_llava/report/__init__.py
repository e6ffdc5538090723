"""How well the checkpoint reads: asked through the server, measured, and written down."""
