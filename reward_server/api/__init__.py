"""HTTP: routes, and what every request passes before its route.

Modules: ``app`` (routes), ``errors``, ``authentication``, ``overload``, ``body_limit``,
``connection_limits``, ``request_log``.
"""
