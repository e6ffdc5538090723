"""``reward doctor``: what this machine has and lacks.

Modules: ``command`` (options, the page, exit codes), ``checks`` (what a check says), ``machine``
(Python, compiler, libraries, processor, memory, disk, port), ``accelerator``, ``model_access``, ``packages``.
"""
