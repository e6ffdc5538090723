"""LLaVA-1.5-7B's exact dimensions with random weights: what they cost, without the checkpoint.

Modules: ``gpu_pass`` (the command for a GPU machine: transformers alone, the limit), ``dimensions`` (the
model), ``flops``, ``llava_pass`` (the forward passes), ``float8`` (8-bit linear layers), ``image_rate`` (the
CPU's side), ``stopwatch`` (timing within a time budget).
"""
