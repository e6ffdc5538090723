"""What the checkpoint is shown in training: rendered frames of each game, and batches of them."""
