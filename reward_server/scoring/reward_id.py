"""The reward id: a hash over everything that determines a reward. Pure functions.

Two rewards with the same id may be mixed; with different ids they may not. Not for what was answered before
(``answer_cache.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version

from reward_client.rubric import Preprocess, PreprocessOrRegion, Rubric
from reward_client.wording.ensemble import Ensemble
from reward_server.engine.interface import EngineInfo
from reward_server.reading.comparison import ComparisonQuestion

VERSIONS = {name: version(name) for name in ("vlm-reward", "pillow", "transformers")}
"""Of what prepares frames and reads answers. Read once: each look-up reads a file."""


def reward_id(info: EngineInfo, rubric: Rubric, preprocess: PreprocessOrRegion) -> str:
    """Hash over everything that determines the rewards of ``POST /score``, but for each image's variables."""
    return _hash(info, "score", rubric.model_dump(mode="json", exclude={"goal"}), preprocess)


def ensemble_id(
    info: EngineInfo, ensemble: Ensemble, rubrics: Sequence[Rubric], preprocess: PreprocessOrRegion
) -> str:
    """Hash over everything that determines an ensemble's rewards.

    Args:
        info: of the engine.
        ensemble: how many of its rubrics must give a reward.
        rubrics: what is behind the names in it.
        preprocess: how a frame becomes the model's input.
    """
    members = [rubric.model_dump(mode="json", exclude={"goal"}) for rubric in rubrics]
    asked = {"mean_of": members, "needed": ensemble.needed, "version": ensemble.version}
    return _hash(info, "score", asked, preprocess)


def comparison_id(info: EngineInfo, comparison: ComparisonQuestion, preprocess: PreprocessOrRegion) -> str:
    """Hash over everything that determines the answers of ``POST /compare``."""
    asked = [comparison.prompt, comparison.readout.model_dump(mode="json"), comparison.composed]
    return _hash(info, "compare", asked, preprocess)


def _hash(info: EngineInfo, kind: str, asked: object, preprocess: PreprocessOrRegion) -> str:
    facts = {
        "kind": kind,
        # a local folder's digest says all; its name does not change a reward
        "model": None if (info.revision or "").startswith("sha256:") else info.model,
        "revision": info.revision,
        "dtype": info.dtype,
        "device": info.device,
        "engine": info.engine,
        "input_size_px": info.input_size_px,
        "versions": VERSIONS,
        "asked": asked,
        "preprocess": preprocess if isinstance(preprocess, Preprocess) else preprocess.model_dump(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
