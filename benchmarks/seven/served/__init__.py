"""LLaVA-1.5-7B's dimensions behind our real server, for ``benchmarks.seven`` and ``benchmarks.gpu``.

Modules: ``checkpoint`` (a folder that a server can start on), ``engine_options`` (the server's command, with
options of vLLM that users have no use for), ``process`` (starts it), ``questions`` (asks everything once),
``tables``, ``load`` (frames/s of a full server), ``sweep`` (over settings, on a GPU).
"""
