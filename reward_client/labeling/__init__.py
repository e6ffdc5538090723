"""Rewards that come late and in order, with threads or with asyncio.

Also what holds rewards to one reward id, and to a stated null policy.
"""
