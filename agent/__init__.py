"""The agent: a DQN on CartPole that learns from rewards which a server reads from its frames.

The environment's own reward is recorded, and learned from in the control arm ``env`` alone.
"""
