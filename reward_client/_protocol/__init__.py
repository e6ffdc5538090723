"""What both clients share, without a socket: what a call sends, and what it makes of each answer.

Modules: ``connection`` (address, key, proxy), ``calls`` and ``image_calls`` (generators that the clients
drive), ``answers`` (whose they are, and what they say), ``attempts`` (when to try again), ``readiness``
(waiting).
"""
