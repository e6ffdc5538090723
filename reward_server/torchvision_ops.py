"""Lets ``import torchvision`` work beside a CPU build of PyTorch, where only a CUDA build is found.

vLLM's LLaVA module imports torchvision, of which it uses only Python transforms. PyPI's torchvision
is compiled against CUDA; with a CPU PyTorch its operators cannot load and the import fails with
"operator torchvision::nms does not exist". Declaring the two operator schemas that the import looks
for is enough. PyTorch calls this through its extension hook (the entry point group
``torch.backends``) at the end of every ``import torch``, so vLLM's child processes have it too.

Where torchvision's operators do load, or PyTorch has CUDA, nothing is declared.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[object] = []  # PyTorch drops a library's schemas when its object is collected


def declare_missing_operators() -> None:
    """Declares torchvision's ``nms`` and ``qnms`` if its own compiled operators cannot load."""
    if torch.version.cuda is not None or torch.version.hip is not None or _declared:
        return
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _operators_load(Path(spec.origin).parent):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)


def _operators_load(package: Path) -> bool:
    """Whether torchvision's compiled operators load beside this PyTorch."""
    for binary in [*package.glob("_C*.so"), *package.glob("_C*.pyd")]:
        try:
            torch.ops.load_library(str(binary))
        except OSError:
            continue
        return True
    return False
