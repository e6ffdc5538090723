"""The model: the protocol that the server needs, and vLLM behind it.

Modules: ``interface``, ``vllm_engine`` (alone imports vllm), ``chat_format``, ``image_tokens``,
``pixel_table``, ``label_tree``, ``label_reading``, ``cpu_environment``, ``health``, ``process_report``,
``model_source``, ``model_on_hub``, ``processor_check``.
"""
