"""The learner: the DQN, its replay memory, and its sizes from the spaces. Knows no loop and no files."""
