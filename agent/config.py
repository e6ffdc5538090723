"""Options of a training run; their comments are the command line's help."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.dqn import DqnConfig


@dataclass(frozen=True)
class TrainConfig:
    """Trains a DQN on CartPole-v1 on rewards that a server reads from its frames."""

    name: str = "cartpole"
    """the run's name; its files go to RUNS/NAME"""
    runs: Path = Path("runs")
    """folder of all runs"""
    server_url: str = "http://127.0.0.1:8000"
    """address of the reward server"""
    rubric: str = "cartpole-angle"
    """rubric of the server that turns a frame into a reward"""
    seed: int = 1
    """seed of environment, exploration, replay and weights"""
    env_steps: int = 10_000
    """steps in the environment; each step's frame is scored"""
    chunk_steps: int = 64
    """steps between two rounds of learning; their labels are waited for"""
    learning_starts: int = 512
    """labelled transitions before the first gradient step"""
    replay_size: int = 50_000
    """transitions in the replay memory"""
    epsilon_end: float = 0.04
    """share of random actions at the end of the exploration schedule, which begins at 1"""
    epsilon_decay_steps: int = 8_000
    """steps over which the share of random actions falls"""
    max_failed_share: float = 0.2
    """the run stops once more than this share of its frames could not be scored"""
    eval_episodes: int = 100
    """greedy episodes after training, by the environment's own reward"""
    wait_ready_s: float = 600.0
    """how long to wait for the server"""
    outage_s: float = 600.0
    """how long to try again while the server is away or overloaded, before the run stops"""
    dqn: DqnConfig = field(default_factory=DqnConfig)

    @property
    def folder(self) -> Path:
        """Where the run's files go."""
        return self.runs / self.name

    def epsilon(self, step: int) -> float:
        """Share of random actions at a step."""
        done = min(step / self.epsilon_decay_steps, 1.0)
        return 1.0 + done * (self.epsilon_end - 1.0)
