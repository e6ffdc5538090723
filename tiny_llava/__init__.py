"""A small LLaVA-architecture checkpoint that reads CartPole frames: recipe and files.

The recipe is ``python -m tiny_llava.train`` (``make tiny-llava``); what it produces lies in
``tiny_llava/checkpoint/``. It is not LLaVA-1.5-7B and learned nothing but this one game.
"""
