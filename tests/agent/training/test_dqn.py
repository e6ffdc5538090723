"""Replay and the learner: what is drawn, and what one gradient step does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agent.config import DqnConfig
from agent.training.learner.dqn import (
    Learner,
    acting_weights,
    greedy_actions,
    new_learner,
    q_values,
    td_targets,
    update,
)
from agent.training.learner.replay import Replay, Transitions
from agent.training.learner.spaces import Spaces

SPACES = Spaces(np.array([2.4, 2.0, 0.2, 2.0], dtype=np.float32), 2)


def steps(replay: Replay, rewards: list[float | None], ended: dict[int, str] | None = None) -> None:
    """Adds steps whose observation is their number."""
    for n, reward in enumerate(rewards):
        end = (ended or {}).get(n)
        replay.add(
            np.array([n], np.float32),
            n,
            reward,
            np.array([n + 1], np.float32),
            end == "terminated",
            end == "truncated",
        )


def draw(replay: Replay, n_step: int = 1, count: int = 300) -> dict[int, tuple[float, float, bool, float]]:
    """What was drawn for each first step: reward, next observation, terminated, discount."""
    batch = replay.sample(count, np.random.default_rng(0), n_step, 0.5)
    return {
        int(first): (float(reward), float(after[0]), bool(done), float(discount))
        for first, reward, after, done, discount in zip(
            batch.observations[:, 0],
            batch.rewards,
            batch.next_observations,
            batch.terminated,
            batch.discounts,
            strict=True,
        )
    }


def test_replay_keeps_the_last_transitions() -> None:
    replay = Replay(3, observation_size=1)
    steps(replay, [0, 1, 2, 3, 4], {4: "terminated"})
    assert len(replay) == 3
    assert draw(replay) == {n: (n, n + 1, n == 4, 0.5) for n in (2, 3, 4)}


def test_an_empty_replay_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="empty"):
        Replay(3, 1).sample(1, np.random.default_rng(0))


def test_a_step_without_a_reward_is_never_drawn() -> None:
    replay = Replay(4, 1)
    steps(replay, [0, None, 2, 3])
    assert len(replay) == 3
    assert set(draw(replay)) == {0, 2, 3}
    steps(replay, [None, None])
    assert len(replay) == 2
    assert set(draw(replay)) == {2, 3}


def test_several_steps_add_up_and_stop_at_ends_gaps_and_the_newest_step() -> None:
    replay = Replay(16, 1)
    steps(replay, [1, 1, 1, 1, 1, 1, None, 1, 1, 1], {2: "terminated", 4: "truncated"})
    assert draw(replay, n_step=3) == {
        0: (1.75, 3, True, 0.125),
        1: (1.5, 3, True, 0.25),
        2: (1, 3, True, 0.5),
        3: (1.5, 5, False, 0.25),  # truncated: the state after it has a value
        4: (1, 5, False, 0.5),
        5: (1, 6, False, 0.5),  # the next step has no reward
        7: (1.75, 10, False, 0.125),
        8: (1.5, 10, False, 0.25),
        9: (1, 10, False, 0.5),
    }


def test_several_steps_do_not_run_from_the_newest_into_the_oldest() -> None:
    replay = Replay(4, 1)
    steps(replay, [1, 1, 1, 1, 1, 1])
    assert draw(replay, n_step=2) == {
        2: (1.5, 4, False, 0.25),
        3: (1.5, 5, False, 0.25),
        4: (1.5, 6, False, 0.25),
        5: (1, 6, False, 0.5),
    }


def test_several_steps_follow_one_environment_of_many() -> None:
    replay = Replay(8, 1, num_envs=2)
    steps(replay, [1, 10, 1, 10, 1, 10])
    drawn = draw(replay, n_step=2)
    assert drawn[0] == (1.5, 3, False, 0.25)
    assert drawn[1] == (15, 4, False, 0.25)
    assert drawn[4] == (1, 5, False, 0.5)


def one(reward: float, terminated: bool) -> Transitions:
    state = np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32)
    return Transitions(
        state,
        np.array([1]),
        np.array([reward], np.float32),
        state,
        np.array([terminated]),
        np.array([0.99], np.float32),
    )


def different_target(config: DqnConfig) -> Learner:
    return replace(new_learner(config, SPACES, 0), target=new_learner(config, SPACES, 2).target)


@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_targets_are_those_of_dqn_and_double_dqn(terminated: bool, double: bool) -> None:
    config = DqnConfig(double=double)
    learner, batch = different_target(config), one(2.0, terminated)
    online = q_values(learner.online, batch.observations, SPACES, config)[0]
    target = q_values(learner.target, batch.observations, SPACES, config)[0]
    assert online.argmax() != target.argmax()  # else the two could not be told apart
    value = target[online.argmax()] if double else target.max()
    expected = 2.0 if terminated else 2.0 + 0.99 * float(value)
    assert float(td_targets(learner, batch, SPACES, config)[0]) == pytest.approx(expected)


def test_the_update_is_that_of_torchs_adam_on_the_huber_loss() -> None:
    config = DqnConfig(max_grad_norm=0.05)
    learner, batch = different_target(config), one(2.0, terminated=False)
    weights = torch.nn.Parameter(learner.online.clone())
    optimizer = torch.optim.Adam([weights], config.learning_rate)
    for _ in range(3):
        ours, loss = update(learner, batch, SPACES, config, progress=0.0)
        expected = torch.nn.functional.smooth_l1_loss(
            q_values(weights, batch.observations, SPACES, config)[:, 1],
            td_targets(learner, batch, SPACES, config),
        )
        optimizer.zero_grad()
        expected.backward()
        torch.nn.utils.clip_grad_norm_([weights], config.max_grad_norm)
        optimizer.step()
        assert loss == pytest.approx(float(expected.detach()))
        torch.testing.assert_close(ours.online, weights.detach())
        learner = ours


def test_the_update_changes_nothing_that_it_is_given() -> None:
    config = DqnConfig()
    learner, batch = new_learner(config, SPACES, 0), one(2.0, terminated=False)
    before = [value.clone() for value in (learner.online, learner.target, learner.adam_mean)]
    first, _ = update(learner, batch, SPACES, config, progress=0.0)
    again, _ = update(learner, batch, SPACES, config, progress=0.0)
    assert torch.equal(first.online, again.online)
    assert not torch.equal(first.online, learner.online)
    for value, kept in zip((learner.online, learner.target, learner.adam_mean), before, strict=True):
        assert torch.equal(value, kept)


def test_the_target_network_follows_slowly_or_is_copied() -> None:
    soft = DqnConfig(target_rate=0.25)
    learner = different_target(soft)
    after, _ = update(learner, one(1.0, True), SPACES, soft, progress=0.0)
    torch.testing.assert_close(after.target, 0.75 * learner.target + 0.25 * after.online)
    hard = DqnConfig(target_rate=1.0, target_every=2)
    first, _ = update(learner, one(1.0, True), SPACES, hard, progress=0.0)
    second, _ = update(first, one(1.0, True), SPACES, hard, progress=0.0)
    assert torch.equal(first.target, learner.target)
    torch.testing.assert_close(second.target, second.online)


def test_the_learning_rate_falls_to_zero_where_asked() -> None:
    learner = new_learner(DqnConfig(), SPACES, 0)
    still, _ = update(learner, one(1.0, True), SPACES, DqnConfig(), progress=1.0)
    moved, _ = update(learner, one(1.0, True), SPACES, DqnConfig(learning_rate_decay="none"), progress=1.0)
    assert torch.equal(still.online, learner.online)
    assert not torch.equal(moved.online, learner.online)


def test_equal_seeds_give_equal_networks_and_leave_the_global_state_alone() -> None:
    state = torch.get_rng_state()
    a, b, c = (new_learner(DqnConfig(), SPACES, seed).online for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(torch.get_rng_state(), state)


def test_values_are_those_of_torchs_own_layers_on_scaled_observations() -> None:
    config = DqnConfig(hidden_size=8)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layers = [torch.nn.Linear(4, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 2)]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    observations = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    learner = new_learner(config, SPACES, 3)
    expected = network(torch.from_numpy(observations / SPACES.observation_scale)).detach()
    torch.testing.assert_close(q_values(learner.online, observations, SPACES, config), expected)
    actions = greedy_actions(learner.online, observations, SPACES, config)
    assert (actions == expected.argmax(dim=1).numpy()).all()


def test_the_network_that_acts_is_the_one_that_was_asked_for() -> None:
    learner = different_target(DqnConfig())
    assert acting_weights(learner, DqnConfig(act_with="target")) is learner.target
    assert acting_weights(learner, DqnConfig(act_with="online")) is learner.online
