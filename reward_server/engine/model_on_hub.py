"""Asks the Hub once whether a model can be had, so that a mistake is told within seconds.

Loading tries each of a model's files six times, which takes minutes where nobody answers. Not for names and
folders (``model_source.py``) or for loading (``vllm_engine.py``).
"""

from __future__ import annotations

import logging
import os

from reward_server.engine.model_source import CheckpointError

log = logging.getLogger("reward_server")

TIMEOUT_S = 10.0
"""For connecting, and for the answer."""


def check_on_hub(model: str, revision: str | None) -> None:
    """Checks that a model is on the Hub or in the cache of its models on this machine.

    Args:
        model: Hub id.
        revision: branch, tag or commit; None: the main branch.

    Raises:
        CheckpointError: it is neither, or may not be read.
    """
    # Here, since it reads HF_HUB_OFFLINE when it is imported, and a local model turns that on.
    from huggingface_hub import (  # noqa: PLC0415
        constants,
        get_hf_file_metadata,
        hf_hub_url,
        try_to_load_from_cache,
    )
    from huggingface_hub.errors import (  # noqa: PLC0415
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    cached = isinstance(try_to_load_from_cache(model, "config.json", revision=revision), str)
    which = f"revision {revision!r}" if revision else "it"
    in_cache = f"the cache {constants.HF_HUB_CACHE} does not hold {which}"
    if constants.HF_HUB_OFFLINE:
        if not cached:
            raise CheckpointError(
                f"model {model!r}: there is no such folder, HF_HUB_OFFLINE is set, and {in_cache}"
            )
        return
    hub = constants.ENDPOINT
    try:
        get_hf_file_metadata(hf_hub_url(model, "config.json", revision=revision), timeout=TIMEOUT_S)
    except GatedRepoError as error:
        reason = f"{hub} hands it out only to those who were let in; set HF_TOKEN to a token that was"
        raise CheckpointError(f"model {model!r}: {reason}") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            f"model {model!r}: there is neither such a folder nor a model of that name on {hub} (or it is "
            "private: set HF_TOKEN)"
        ) from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"model {model!r} has no revision {revision!r} on {hub}") from error
    except EntryNotFoundError as error:
        raise CheckpointError(f"model {model!r} on {hub} has no config.json") from error
    except Exception as error:  # a dozen types, those of the HTTP library of huggingface_hub too
        reason = (
            f"answered {error.response.status_code}"
            if isinstance(error, HfHubHTTPError)
            else f"could not be asked ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
        )
        if not cached:
            raise CheckpointError(
                f"model {model!r}: there is neither such a folder nor a Hub model that can be had: "
                f"{in_cache}, and {hub} {reason}"
            ) from error
        log.warning("%s %s; %s is loaded from the cache", hub, reason, model)
        # Else it would be asked six times for each of the files, here and in the engine's processes.
        constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"
