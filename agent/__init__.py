"""The agent: a DQN on CartPole-v1 that learns from rewards which a server reads from its frames.

The environment's own reward is recorded and never learned from.
"""
