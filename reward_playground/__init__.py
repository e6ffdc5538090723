"""A page in a browser that asks the server about pictures: ``reward-server --playground``, ``/playground``.

It asks through the server's own routes with its visitor's API key, and keeps nothing of a visit, so any
replica may answer any of its requests. Not for judging a rubric: that is ``reward_audit``.
"""
