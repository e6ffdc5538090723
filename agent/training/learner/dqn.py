"""DQN: the state of a learner, one gradient step as a pure function, and greedy actions.

Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015; van Hasselt et al.,
"Deep Reinforcement Learning with Double Q-learning", AAAI 2016. Not for exploring (``train.py``) or memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.adam import adam

from agent.config import DqnConfig
from agent.training.learner.replay import Transitions
from agent.training.learner.spaces import Spaces


@dataclass(frozen=True)
class Learner:
    """Everything that a gradient step reads and replaces. Each network is one vector of P weights.

    Attributes:
        online: ``(P,)`` float32.
        target: ``(P,)`` float32.
        adam_mean: ``(P,)`` float32, Adam's running mean of gradients.
        adam_square: ``(P,)`` float32, and of their squares.
        gradient_steps: taken so far.
    """

    online: torch.Tensor
    target: torch.Tensor
    adam_mean: torch.Tensor
    adam_square: torch.Tensor
    gradient_steps: int = 0


def new_learner(config: DqnConfig, spaces: Spaces, seed: int) -> Learner:
    """Draws the weights as ``torch.nn.Linear`` does, and leaves torch's global random state alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [nn.Linear(*shape) for shape in _shapes(config, spaces)]
    weights = torch.cat([p.detach().flatten() for layer in layers for p in (layer.weight, layer.bias)])
    return Learner(weights, weights.clone(), torch.zeros_like(weights), torch.zeros_like(weights))


def q_values(
    weights: torch.Tensor, observations: NDArray[np.float32], spaces: Spaces, config: DqnConfig
) -> torch.Tensor:
    """Values of all A actions.

    Args:
        weights: ``(P,)`` float32, of a ``Learner``.
        observations: ``(B, D)`` float32.
        spaces: of the learner.
        config: hyperparameters.

    Returns:
        ``(B, A)`` float32.
    """
    scaled = observations.astype(np.float32, copy=False)
    if config.scale_observations:
        scaled = scaled / spaces.observation_scale
    x = torch.from_numpy(scaled)
    at = 0
    shapes = _shapes(config, spaces)
    for layer, (inputs, outputs) in enumerate(shapes):
        matrix = weights[at : at + inputs * outputs].view(outputs, inputs)
        bias = weights[at + inputs * outputs : at + (inputs + 1) * outputs]
        at += (inputs + 1) * outputs
        x = nn.functional.linear(x, matrix, bias)
        if layer < len(shapes) - 1:
            x = torch.relu(x)
    return x


def acting_weights(learner: Learner, config: DqnConfig) -> torch.Tensor:
    """The weights of the network that acts, ``(P,)`` float32."""
    return learner.target if config.act_with == "target" else learner.online


def greedy_actions(
    weights: torch.Tensor, observations: NDArray[np.float32], spaces: Spaces, config: DqnConfig
) -> NDArray[np.int64]:
    """Best actions by a network.

    Args:
        weights: ``(P,)`` float32, of the network that acts.
        observations: ``(B, D)`` float32.
        spaces: of the learner.
        config: hyperparameters.

    Returns:
        ``(B,)`` int64.
    """
    with torch.no_grad():
        actions: NDArray[np.int64] = q_values(weights, observations, spaces, config).argmax(dim=1).numpy()
    return actions


def td_targets(learner: Learner, batch: Transitions, spaces: Spaces, config: DqnConfig) -> torch.Tensor:
    """What the values of a batch should be: its rewards and the discounted value of the state after them.

    Returns:
        ``(B,)`` float32. Only where the episode terminated is the value of the next state left out; an
        episode that ran out of time goes on in theory.
    """
    with torch.no_grad():
        next_values = q_values(learner.target, batch.next_observations, spaces, config)
        if config.double:
            online = q_values(learner.online, batch.next_observations, spaces, config)
            best = online.argmax(dim=1, keepdim=True)
            value = next_values.gather(1, best).squeeze(1)
        else:
            value = next_values.amax(dim=1)
        alive = torch.from_numpy(1.0 - batch.terminated.astype(np.float32))
        return torch.from_numpy(batch.rewards) + torch.from_numpy(batch.discounts) * alive * value


def update(
    learner: Learner, batch: Transitions, spaces: Spaces, config: DqnConfig, progress: float
) -> tuple[Learner, float]:
    """Takes one gradient step: Huber loss, clipped gradient, Adam. Changes nothing it is given.

    Args:
        learner: state before the step.
        batch: labelled transitions.
        spaces: of the learner.
        config: hyperparameters.
        progress: share of the run that is over, 0 to 1; sets the learning rate.

    Returns:
        The state after the step, and the loss before it.
    """
    targets = td_targets(learner, batch, spaces, config)
    online = learner.online.clone().requires_grad_(True)
    values = q_values(online, batch.observations, spaces, config)
    chosen = values.gather(1, torch.from_numpy(batch.actions)[:, None]).squeeze(1)
    loss = nn.functional.smooth_l1_loss(chosen, targets)
    (gradient,) = torch.autograd.grad(loss, online)
    gradient = gradient * min(1.0, config.max_grad_norm / (float(gradient.norm()) + 1e-6))
    decay = 1.0 - progress if config.learning_rate_decay == "linear" else 1.0
    online, mean, square = online.detach(), learner.adam_mean.clone(), learner.adam_square.clone()
    adam(
        [online],
        [gradient],
        [mean],
        [square],
        [],
        [torch.tensor(float(learner.gradient_steps))],
        foreach=False,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        lr=config.learning_rate * decay,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
    steps = learner.gradient_steps + 1
    target = learner.target
    if steps % config.target_every == 0:
        target = target.lerp(online, config.target_rate)
    return replace(
        learner,
        online=online,
        target=target,
        adam_mean=mean,
        adam_square=square,
        gradient_steps=steps,
    ), float(loss.item())


def _shapes(config: DqnConfig, spaces: Spaces) -> tuple[tuple[int, int], ...]:
    """Inputs and outputs of each layer."""
    width = config.hidden_size
    return ((len(spaces.observation_scale), width), (width, width), (width, spaces.actions))
