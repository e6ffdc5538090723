"""One run.

Modules: ``train`` (the loop), ``dqn``, ``replay``, ``frame_envs``, ``chunk``, ``spaces``, ``evaluate``,
``frame_counts``, ``failures`` (when too many frames have no reward), ``lower_bound``, ``final_policy``,
``run_state``, ``checkpoint_file``.
"""
