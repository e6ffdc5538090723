"""One run.

Modules: ``train`` (the loop), ``dqn``, ``replay``, ``frame_envs``, ``chunk``, ``evaluate``, ``run_state``,
``checkpoint_file``.
"""
