"""HTTP: routes, and what every request passes before its route.

Modules: ``app`` (routes), ``errors``, ``authentication``, ``overload``, ``codings``, ``body_limit``,
``request_log``; ``score_parts`` and ``multipart`` (the binary body); below them
``connection_limits`` and ``declined_offers``.
"""
