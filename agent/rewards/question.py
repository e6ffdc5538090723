"""What a run asks: a rubric of the server, one from a file, or either with another question.

Not for what a rubric may hold (``reward_client.rubric``).
"""

from __future__ import annotations

from pathlib import Path

from agent.config import ConfigError, TrainConfig
from reward_client import RewardClient
from reward_client.files.rubric_file import RUBRIC_FILES, RubricContentError, rubric_of
from reward_client.files.rubric_file import read_rubric as file_rubric
from reward_client.files.text_file import TextFileError, read_text_file
from reward_client.rubric import Rubric
from reward_client.schema import ServerInfo


def resolve_question(config: TrainConfig, client: RewardClient, server: ServerInfo) -> str | Rubric:
    """Finds the rubric that goes with each request.

    Args:
        config: the run's options; ``rubric`` is a name or a file, ``prompt`` a question or ``@FILE``.
        client: of the server whose rubric gets another question.
        server: its ``/info``.

    Returns:
        What goes with each request: the name of a rubric of the server, or a whole rubric.

    Raises:
        ConfigError: there is no such rubric or file, or the rubric is not valid.
    """
    path = Path(config.rubric)
    from_file = path.suffix in RUBRIC_FILES
    if not from_file:
        known = server.rubrics.get(config.rubric)
        if known is None:
            raise ConfigError(
                f"the server has no rubric {config.rubric!r}; it has {', '.join(sorted(server.rubrics))}"
            )
        if known.unavailable:
            raise ConfigError(f"the server's model cannot answer {config.rubric!r}: {known.unavailable}")
    if config.prompt is None:
        return read_rubric(path) if from_file else config.rubric
    base = read_rubric(path) if from_file else client.rubric(config.rubric).rubric
    content = {**base.model_dump(by_alias=True), "prompt": read_prompt(config.prompt)}
    try:
        return rubric_of(content, "--prompt")
    except RubricContentError as error:
        raise ConfigError(str(error)) from error


def read_prompt(prompt: str) -> str:
    """The question itself, or the one in the file that an ``@`` names.

    Raises:
        ConfigError: the file cannot be read, is not UTF-8, or holds nothing.
    """
    if not prompt.startswith("@"):
        return prompt
    path = Path(prompt[1:])
    try:
        question = read_text_file(path).strip()
    except TextFileError as error:
        raise ConfigError(f"--prompt: {error}") from error
    if not question:
        raise ConfigError(f"--prompt: {path}: holds no question")
    return question


def read_rubric(path: Path) -> Rubric:
    """Reads a rubric from a YAML or JSON file.

    Raises:
        ConfigError: it cannot be read, says two things, or a field is wrong.
    """
    try:
        return file_rubric(path)
    except TextFileError as error:
        raise ConfigError(f"--rubric: {error}") from error
    except RubricContentError as error:
        raise ConfigError(str(error)) from error
