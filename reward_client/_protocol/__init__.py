"""What both clients share, without a socket: what a call sends, and what it makes of each answer.

Modules: ``connection`` (address, key, proxy), ``calls`` and ``image_calls`` (generators that the clients
drive), ``bodies`` (what ``POST /score`` holds), ``answers`` (whose they are, and what they say), ``joining``
(several answers as one), ``attempts`` (when to try again), ``readiness`` (waiting).
"""
