"""The command ``reward-audit``: one audit against a running server, a progress bar, the verdict in words.

Not for the work itself (``audit.py``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro
from tqdm import tqdm

from reward_audit.asking import Server
from reward_audit.audit import audit
from reward_audit.config import AuditConfig, AuditError
from reward_audit.exit_codes import EXIT_FAILED
from reward_audit.own_rubric import OwnRubric
from reward_audit.rows import AUDIT_HTML
from reward_client import RewardClient
from reward_client.errors import ConfigurationError, RewardServiceError
from reward_client.files.rubric_file import RUBRIC_FILES, RubricContentError, read_rubric
from reward_client.files.text_file import TextFileError
from reward_report.entry import EXIT_INTERRUPTED
from reward_report.folder_lock import FolderLockedError, FolderLockError, locked
from reward_tasks.task import TaskError

API_KEY = "REWARD_API_KEY"
"""The environment variable that holds the key for the server; empty is none."""


def audit_and_tell(config: AuditConfig) -> int:
    """Does one audit against its server and prints the verdict.

    Returns:
        The exit code: 0 where the rewards can be used, 3 where they are refused, 4 where it cannot be told.

    Raises:
        AuditError: it cannot be done as asked.
        FolderLockError: somebody else writes its folder, or it cannot be locked.
        RewardServiceError: the server failed for good.
    """
    config.find_task()  # before a server is waited for
    with locked(config.folder), _client(config) as client:
        client.wait_ready(config.wait_ready_s)
        with tqdm(total=config.frames, desc="scoring", unit="frame", smoothing=0.05) as bar:

            def tell(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            report = audit(config, _server(config, client), tell, bar.write)
    print(conclusion(report, config))
    code: int = report["exit_code"]
    return code


def conclusion(report: dict[str, Any], config: AuditConfig) -> str:
    """The verdict, its reasons, and where the page is."""
    verdict = report["verdict"]
    return "\n".join(
        [
            f"ranking: {verdict['ranking']}; values: {verdict['values']}",
            *report["reasons"],
            *(report[key]["told"] for key in ("calibration", "abstention") if report[key]),
            f"The report is {config.folder / AUDIT_HTML}",
        ]
    )


def _server(config: AuditConfig, client: RewardClient) -> Server:
    """The server, which knows the rubric of a file too.

    Raises:
        AuditError: the file cannot be read, or holds no rubric.
    """
    path = Path(config.rubric)
    if path.suffix not in RUBRIC_FILES:
        return client
    try:
        rubric = read_rubric(path)
    except (TextFileError, RubricContentError) as error:
        raise AuditError(f"--rubric: {error}") from error
    return OwnRubric.of(client, config.rubric, rubric, config.find_task())


def _client(config: AuditConfig) -> RewardClient:
    """A client of the audited server.

    Raises:
        AuditError: the address or the key cannot be used; nothing was sent.
    """
    # the key is not a flag: other users see a command line
    key = os.environ.get(API_KEY) or None
    try:
        return RewardClient(config.server_url, api_key=key, retries=None, deadline_s=config.outage_s)
    except ConfigurationError as error:
        raise AuditError(f"{API_KEY if error.param == 'api_key' else '--server-url'}: {error}") from error


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; what a person can cause ends with a sentence, not with a traceback."""
    config = None
    try:
        config = tyro.cli(AuditConfig, prog="reward-audit", args=arguments)
        code = audit_and_tell(config)
    except KeyboardInterrupt:
        _stop(f"interrupted; the same command goes on{_with_folder(config)}", EXIT_INTERRUPTED)
    except FolderLockedError as error:
        _stop(f"{error}; wait until it ends, or choose another --name", EXIT_FAILED)
    except (AuditError, FolderLockError, TaskError) as error:
        _stop(str(error), EXIT_FAILED)
    except RewardServiceError as error:
        _stop(
            f"the reward server failed: {error}. The same command goes on{_with_folder(config)}", EXIT_FAILED
        )
    except OSError as error:
        _stop(f"{error.strerror or error}: {error.filename or ''}", EXIT_FAILED)
    if code:
        raise SystemExit(code)


def _with_folder(config: AuditConfig | None) -> str:
    return "" if config is None else f" from the answers in {config.folder}"


def _stop(sentence: str, code: int) -> None:
    print(f"\nreward-audit: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(code)
