"""Options of a training run; their comments are the command line's help."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from reward_audit.config import FEWEST_FRAMES
from reward_tasks.catalog import find_task
from reward_tasks.task import Task, TaskError


class ConfigError(ValueError):
    """An option is out of its range; the message names it."""


class Arm(StrEnum):
    """A source of rewards (``rewards/arms.py``)."""

    VLM = "vlm"
    """the server's reward of the step's own frame"""
    ENV = "env"
    """the environment's own reward"""
    ORACLE = "oracle"
    """what a VLM without error would give, by the task's truth; on CartPole cartpole-angle's map"""
    CONSTANT = "constant"
    """the middle of the range of the oracle's rewards, always: 0.5 on CartPole, -0.5 on MountainCar"""
    RANDOM = "random"
    """uniform over the range of the oracle's rewards, drawn anew for every step"""
    SHUFFLED = "shuffled"
    """the server's reward of another step of the same chunk; a chunk's rewards still tell how well it went"""
    RESAMPLED = "resampled"
    """drawn anew for every step from all rewards of a finished run of ``vlm``: its rewards, no information"""

    @property
    def scores_frames(self) -> bool:
        """Whether frames are sent to a reward server."""
        return self in {Arm.VLM, Arm.SHUFFLED}


@dataclass(frozen=True)
class DqnConfig:
    """Hyperparameters of the learner."""

    hidden_size: int = 256
    """width of the two hidden layers"""
    learning_rate: float = 3e-4
    """Adam's step size"""
    learning_rate_decay: Literal["linear", "none"] = "linear"
    """linear: it falls to zero over the run"""
    discount: float = 0.99
    """discount factor per step"""
    n_step: int = 1
    """number of rewards to add up before the value of the next state counts; done when a batch is drawn"""
    double: bool = True
    """double DQN: the online network picks the next action, and the target network gives its value"""
    batch_size: int = 64
    """transitions in a gradient step"""
    target_rate: float = 0.01
    """how far each update moves the target network to the online one; 1 copies it (a hard update)"""
    target_every: int = 1
    """gradient steps between two updates of the target network"""
    act_with: Literal["target", "online"] = "target"
    """the network that acts; a slow target network is a running average of the online one, and steadier"""
    scale_observations: bool = True
    """divide observations by the limits and usual speeds of the task"""
    max_grad_norm: float = 10.0
    """scale longer gradients down to this norm"""


@dataclass(frozen=True)
class TrainConfig:
    """Trains a DQN on rewards that a server reads from the frames.

    Raises:
        ConfigError: an option is out of its range.
    """

    name: str | None = None
    """the run's name; its files go to RUNS/NAME; default: the task, the rubric or arm, and the seed, such as
    CartPole-v1-cartpole-angle-seed-1"""
    runs: Path = Path("runs")
    """folder of all runs"""
    resume: bool = False
    """go on from the run's last checkpoint, if it has one; the result is that of a run without a break"""
    overwrite: bool = False
    """replace an earlier run of this name; without it or --resume, a used name is refused"""
    server_url: str = "http://127.0.0.1:8000"
    """address of the reward server"""
    arm: Arm = Arm.VLM
    """where the reward that is learned comes from; only vlm and shuffled need a server"""
    rewards_of: Path | None = None
    """for the arm resampled: folder of the finished run of the arm vlm whose rewards it draws from"""
    task: str = "CartPole-v1"
    """what is to be learned: CartPole-v1, CartPoleContinuing-v0 (no episode ends early: survival alone is
    worth nothing there), MountainCar-v0, Acrobot-v1, or a class of your own, my_module:MyTask"""
    any_tilt: bool = False
    """start the episodes of CartPoleContinuing-v0 from any tilt"""
    num_envs: int = 1
    """number of environments to step side by side"""
    rubric: str = "cartpole-angle"
    """what turns a frame into a reward: the name of a rubric on the server, or a YAML or JSON file"""
    prompt: str | None = None
    """a question to ask in place of the rubric's; @FILE reads it from a file"""
    seed: int = 1
    """seed of environment, exploration, replay and weights"""
    env_steps: int = 10_000
    """steps in all environments together; each step's frame is scored"""
    chunk_steps: int = 64
    """steps between two rounds of learning"""
    schedule: Literal["barrier", "overlap"] = "barrier"
    """barrier: wait for a chunk's labels, then learn; overlap: learn from the chunk before it meanwhile"""
    gradient_steps: int | None = None
    """gradient steps after each chunk; None: as many as the chunk has steps"""
    learning_starts: int = 512
    """labelled transitions before the first gradient step"""
    replay_size: int = 50_000
    """transitions in the replay memory"""
    epsilon_end: float = 0.04
    """share of random actions at the end of the exploration schedule, which begins at 1"""
    epsilon_decay_steps: int = 8_000
    """steps over which the share of random actions falls"""
    max_failed_share: float = 0.2
    """the run stops once more than this share of its last 512 frames could not be scored"""
    null_terminal: Literal["skip", "lower_bound"] = "skip"
    """what is learned from a step that ends its episode by the task's own rules, and whose frame could not be
    scored: skip: nothing, as from every frame without a reward; lower_bound: the lowest reward that the
    rubric can give. That is a reward of your choice, not of the model's; for the arm vlm alone"""
    eval_episodes: int = 100
    """greedy episodes after training, counted by the environment's own reward"""
    eval_every: int = 1_000
    """steps between two short evaluations for the learning curve; 0: none. They pick nothing"""
    eval_every_episodes: int = 10
    """greedy episodes in a short evaluation"""
    checkpoint_every: int = 256
    """steps between two checkpoints, from which --resume goes on"""
    samples: int = 10
    """how many frames to keep with their answers; as many more that differ in what is true of them, and as
    many more that could not be scored"""
    sample_every: int = 1
    """keep one scored frame in N; those that differ in what is true come from all frames"""
    null_share: float = 0.02
    """frames that show nothing, and the wrong question about frames that do, to have scored while training,
    at most as this share of the run's own frames; 0: none. Nothing is learned from them"""
    audit_first: bool = False
    """audit the reward before training, as reward-audit does, into the folder audit of the run; arms without
    a server have none. A collapsed, ungrounded or inverted ranking ends the command with exit code 5"""
    audit_frames: int = 1000
    """frames that --audit-first has scored"""
    audit_anyway: bool = False
    """train also where --audit-first refuses the reward; the summary says so"""
    video: bool = False
    """film the final policy, with the VLM's answers drawn on the frames: video.mp4 and video.gif"""
    wandb: bool = False
    """also log to Weights & Biases, which must be installed"""
    wait_ready_s: float = 600.0
    """seconds to wait until the server is ready"""
    outage_s: float = 600.0
    """seconds to try again while the server is away or overloaded, before the run stops"""
    dqn: DqnConfig = field(default_factory=DqnConfig)

    def __post_init__(self) -> None:
        lowest = {
            "num_envs": 1,
            "env_steps": 1,
            "chunk_steps": 1,
            "learning_starts": 1,
            "replay_size": 1,
            "epsilon_end": 0,
            "epsilon_decay_steps": 1,
            "max_failed_share": 0,
            "eval_episodes": 1,
            "eval_every": 0,
            "eval_every_episodes": 1,
            "checkpoint_every": 1,
            "samples": 0,
            "sample_every": 1,
            "seed": 0,
            "gradient_steps": 0,
            "null_share": 0,
            "audit_frames": FEWEST_FRAMES,
        }
        _check(self, lowest, at_most_one=("epsilon_end", "max_failed_share", "null_share"))
        least_of_dqn = {
            "hidden_size": 1,
            "n_step": 1,
            "batch_size": 1,
            "target_every": 1,
            "learning_rate": 0,
            "discount": 0,
            "target_rate": 0,
            "max_grad_norm": 0,
        }
        _check(self.dqn, least_of_dqn, at_most_one=("discount", "target_rate"))
        for name in ("env_steps", "chunk_steps", "replay_size"):
            if getattr(self, name) % self.num_envs:
                raise ConfigError(f"--{name.replace('_', '-')} must be a multiple of --num-envs")
        if self.learning_starts > self.replay_size:
            raise ConfigError("--learning-starts must be at most --replay-size")
        if self.learning_starts >= self.env_steps:
            raise ConfigError(
                f"--learning-starts {self.learning_starts} is not below --env-steps {self.env_steps}: "
                "nothing would be learned"
            )
        if (self.arm == Arm.RESAMPLED) != (self.rewards_of is not None):
            raise ConfigError("--arm resampled needs --rewards-of, and no other arm takes it")
        if self.null_terminal == "lower_bound" and self.arm != Arm.VLM:
            raise ConfigError(f"--null-terminal lower_bound is for the arm vlm, not for {self.arm}")
        if self.audit_anyway and not self.audit_first:
            raise ConfigError("--audit-anyway goes with --audit-first")
        if self.resume and self.overwrite:
            raise ConfigError("--resume goes on with a run and --overwrite replaces it; choose one of them")
        check_name(self.run_name)

    @property
    def run_name(self) -> str:
        """The run's name: the one that was given, or that of its task, rubric or arm, and seed.

        The same options have the same name, so that ``--resume`` finds the run. A question of one's own is
        told from the rubric's.

        >>> TrainConfig(rubric="rubrics/my.yaml", prompt="Is it?", seed=2).run_name
        'CartPole-v1-my-own-prompt-seed-2'
        >>> TrainConfig(task="my_module:MyTask", arm=Arm.ORACLE).run_name
        'MyTask-oracle-seed-1'
        """
        if self.name is not None:
            return self.name
        asked = Path(self.rubric).stem + ("" if self.prompt is None else "-own-prompt")
        source = {Arm.VLM: asked, Arm.SHUFFLED: f"{asked}-shuffled"}.get(self.arm, self.arm.value)
        return f"{self.task.rpartition(':')[2]}-{source}-seed-{self.seed}"

    @property
    def folder(self) -> Path:
        """Where the run's files go."""
        return self.runs / self.run_name

    def find_task(self) -> Task:
        """The task, with the options of its environment.

        Raises:
            ConfigError: there is none of that name, or it takes no such option.
        """
        return task_of({"task": self.task, "any_tilt": self.any_tilt})

    def epsilon(self, step: int) -> float:
        """Share of random actions at a step.

        >>> config = TrainConfig(epsilon_end=0.25, epsilon_decay_steps=1000)
        >>> [config.epsilon(step) for step in (0, 500, 1000, 9000)]
        [1.0, 0.625, 0.25, 0.25]
        """
        done = min(step / self.epsilon_decay_steps, 1.0)
        return 1.0 + done * (self.epsilon_end - 1.0)


def check_name(name: str) -> None:
    """Checks the name of a run.

    Raises:
        ConfigError: it names no folder inside that of all runs.
    """
    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ConfigError("--name must name a folder inside --runs")


def _check(options: object, lowest: dict[str, int], at_most_one: tuple[str, ...]) -> None:
    """Checks ranges; an option that is None has its default."""
    for name, least in lowest.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name.replace('_', '-')} must be at least {least}")
    for name in at_most_one:
        if getattr(options, name) > 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be at most 1")


def task_of(options: dict[str, Any]) -> Task:
    """The task that a run's options name, those in a ``config.json`` too.

    Raises:
        ConfigError: there is none of that name, or it takes no such option.
    """
    try:
        return find_task(options["task"], **({"any_tilt": True} if options["any_tilt"] else {}))
    except TaskError as error:
        raise ConfigError(f"--task: {error}") from error
