"""What the checkpoint is asked: topics with their answers, wordings, and the tokenizer."""
