"""Where rewards come from.

Modules: ``arms`` (which reward is learned), ``labeler`` (frames to rewards, late and in order), ``question``.
"""
