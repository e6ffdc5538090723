"""The reward server: frames and a question in, rewards of a vision-language model out.

Importing this package is cheap on purpose: PyTorch's extension hook (``torchvision_ops``) imports
it on every ``import torch``.
"""
