"""The model: the protocol that the server needs, and vLLM behind it.

Modules: ``interface``, ``vllm_engine`` (alone imports vllm), ``health``, ``label_tree``, ``model_source``,
``processor_check``.
"""
