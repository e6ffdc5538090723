"""``reward ask``: questions about pictures.

Modules: ``command`` (options, and how it ends), ``pictures`` (files to frames), ``questions`` (words to
rubrics), ``showing`` (answers for a terminal), ``as_json``.
"""
