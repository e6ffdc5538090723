"""The command ``reward doctor``: its options, its page, and its exit codes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reward_cli.doctor.accelerator import gpu_check
from reward_cli.doctor.checks import Check, Role
from reward_cli.doctor.machine import machine_checks
from reward_cli.doctor.model_access import model_checks
from reward_cli.doctor.packages import package_checks
from reward_cli.parsing import EXIT_FAILED, Parser

_STYLES = {"ok": "green", "missing": "bold red", "optional": "yellow"}


def doctor(arguments: Sequence[str]) -> int:
    """Prints what is there and what is missing.

    Returns:
        1 where something is missing that the chosen role needs, else 0.
    """
    parser = Parser(
        "doctor",
        "Says what is missing on this machine and what to do. It changes nothing.",
        "[OPTIONS]",
        "exit codes: 0; 1 where something is missing that the role of --for needs\n\n"
        "example:\n  reward doctor --for server --model llava-hf/llava-1.5-7b-hf\n",
    )
    roles = [role.value for role in Role]
    parser.add_argument("--for", dest="role", choices=roles, metavar="ROLE", help=", ".join(roles))
    parser.add_argument("--model", metavar="MODEL", help="folder or Hub id of the model that is to be served")
    options = parser.parse(arguments)
    role = None if options.role is None else Role(options.role)
    gpu = gpu_check()
    checks = [*machine_checks(on_gpu=gpu.is_there), gpu, *model_checks(options.model), *package_checks()]
    show(checks, role, Console(highlight=False))
    is_short = role is not None and any(check.word(role) == "missing" for check in checks)
    return EXIT_FAILED if is_short else 0


def show(checks: Sequence[Check], role: Role | None, console: Console) -> None:
    """Prints a line for each check, with what to do below where something is not there."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for check in checks:
        word = check.word(role)
        told = Text(check.found)
        if not check.is_there:
            told.append(f"\n{_needed_by(check) if role is None else ''}{check.advice}", style="dim")
        table.add_row(Text(word, style=_STYLES[word]), Text(check.name), told)
    console.print(table)
    console.print(Text(_conclusion(checks, role), style="bold"))


def _needed_by(check: Check) -> str:
    roles = sorted(role.value for role in check.needed_by)
    return f"for {', '.join(roles)}: " if roles else ""


def _conclusion(checks: Sequence[Check], role: Role | None) -> str:
    absent = [check.name for check in checks if check.word(role) == "missing"]
    purpose = "any role" if role is None else f"the role {role.value}"
    if not absent:
        return f"Nothing is missing for {purpose}."
    return f"Missing for {'some role' if role is None else purpose}: {', '.join(absent)}."
