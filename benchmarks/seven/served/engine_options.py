"""The reward server's command, its engine given options of vLLM that its users have no use for.

    python -m benchmarks.seven.served.engine_options '{"load_format": "dummy"}' --model FOLDER --port 8000

The first argument is JSON of arguments of vLLM's ``AsyncEngineArgs``, the others are ``reward-server``'s own.
"""

from __future__ import annotations

import functools
import json
import os
import sys


def main() -> None:
    """Serves until it is told to stop."""
    options = json.loads(sys.argv.pop(1))
    # Read when vLLM and huggingface_hub are imported, which the server does later.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from reward_server import command  # noqa: PLC0415
    from reward_server.engine import vllm_engine  # noqa: PLC0415

    names = vars(vllm_engine)
    names["AsyncEngineArgs"] = functools.partial(names["AsyncEngineArgs"], **options)
    command.run()


if __name__ == "__main__":
    main()
