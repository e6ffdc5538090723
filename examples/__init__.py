"""Agents and callers that are not ours, with the rewards of a reward server.

Each file says in its first lines how to run it. All but ``score.sh`` and ``score.mjs`` need the extra ``gym``
and the trainer's own package, and take ``--url`` and ``--steps``.

Modules: ``sb3_dqn``, ``sb3_sac_pendulum`` (rewards come late), ``sb3_ppo``, ``rllib_ppo`` (the vector
wrapper), ``cleanrl_dqn`` (one file without a library), ``compare_rates`` (late against one blocking request
a step);
``sb3_late`` and ``sb3_vec_env`` are what the examples of Stable-Baselines3 share.
"""
