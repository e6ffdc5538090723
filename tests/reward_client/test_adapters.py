"""Adapters for other trainers: each gets what its trainer's documentation says, and nulls in its own way."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reward_client import RewardClient
from reward_client.adapters import OpenRLHFReward, TextToImageReward, TRLReward, VerlReward
from reward_client.frames import image_file
from reward_client.labeling.null_rewards import NullRewardError
from tests.reward_client.graded import grey
from tests.reward_client.test_adapters_texts import SHOWS, FakeClient


def frame_of(row: Any) -> NDArray[np.uint8] | None:
    """At module level, so that what has it can be pickled."""
    return None if row.get("label") == "broken" else grey(int(row.get("label", 5)))


# --- TRL: reward_func(prompts, completions, **columns) -> list[float | None]


def trl_call(reward: TRLReward, completions: list[Any], **columns: Any) -> list[float | None]:
    """As GRPOTrainer._calculate_rewards calls it (TRL 1.16)."""
    return reward(
        prompts=["Describe it."] * len(completions),
        completions=completions,
        completion_ids=[[1]] * len(completions),
        trainer_state=object(),
        log_extra=lambda column, values: None,
        log_metric=lambda name, value: None,
        **columns,
    )


def test_trl_gets_a_reward_a_completion_and_none_where_there_is_none() -> None:
    client = FakeClient()
    reward = TRLReward(client, "shows")
    rewards = trl_call(reward, ["a cat", "a dog", "a cat"], image=[grey(1), grey(7), grey(3)])
    assert rewards == [1.0, None, 3.0]
    assert client.asked == [("shows", [1, 7, 3], ["a cat", "a dog", "a cat"])]


def test_trl_takes_conversations_and_lists_of_images() -> None:
    client = FakeClient()
    said = [
        [{"role": "assistant", "content": "a cat"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "a "}, {"type": "text", "text": "dog"}]}],
    ]
    images = [[Image.new("RGB", (8, 8), (1, 1, 1))], [Image.new("RGB", (8, 8), (2, 2, 2))]]
    assert trl_call(TRLReward(client, "shows"), said, images=images) == [1.0, 2.0]
    assert client.asked == [("shows", [1, 2], ["a cat", "a dog"])]


@pytest.mark.parametrize("message", [{"role": "assistant", "content": None}, {"role": "assistant"}])
def test_trl_takes_a_message_that_says_nothing(message: dict[str, Any]) -> None:
    client = FakeClient()
    assert trl_call(TRLReward(client, "shows"), [[message]], image=[grey(1)]) == [1.0]
    assert client.asked == [("shows", [1], [""])]


def test_trl_without_an_image_column_says_what_to_pass() -> None:
    with pytest.raises(ValueError, match="frame_of="):
        trl_call(TRLReward(FakeClient(), "shows"), ["a cat"])
    with pytest.raises(ValueError, match="frame_of="):
        trl_call(TRLReward(FakeClient(), "shows"), ["a cat"], images=[[grey(1), grey(2)]])


def test_trl_rows_have_the_datasets_columns() -> None:
    client = FakeClient()
    reward = TRLReward(client, "plain", frame_of=frame_of)
    assert trl_call(reward, ["<svg>", "<"], label=["3", "broken"]) == [3.0, None]


def test_trl_logs_it_by_its_rubric() -> None:
    def get_callable_name(func: Any) -> str:  # as trl/trainer/utils.py has it
        return str(getattr(func, "__name__", type(func).__name__))

    assert get_callable_name(TRLReward(FakeClient(), "shows")) == "vlm_shows"
    assert get_callable_name(TRLReward(FakeClient(), SHOWS)) == "vlm"


# --- verl: compute_score(data_source, solution_str, ground_truth, extra_info)


def verl_call(reward: VerlReward, **options: Any) -> Any:
    """As NaiveRewardManager.run_single calls it (verl 0.8)."""
    given = {"data_source": "d", "solution_str": "a cat", "ground_truth": "5", "extra_info": {"num_turns": 1}}
    return reward(**{**given, **options})


def solution_frame(row: Any) -> NDArray[np.uint8] | None:
    return None if row["ground_truth"] == "broken" else grey(int(row["ground_truth"]))


def test_verl_gets_a_score_and_the_same_keys_always() -> None:
    client = FakeClient()
    reward = VerlReward(client, "shows", frame_of=solution_frame, on_null=-1.0)
    assert verl_call(reward) == {"score": 5.0, "vlm_null": 0.0}
    assert verl_call(reward, ground_truth="7") == {"score": -1.0, "vlm_null": 1.0}
    assert verl_call(reward, ground_truth="broken") == {"score": -1.0, "vlm_null": 1.0}
    assert reward("d", "a cat", "5") == {"score": 5.0, "vlm_null": 0.0}
    assert verl_call(reward, reward_router_address="host", reward_model_tokenizer=None)["score"] == 5.0
    assert client.asked[0] == ("shows", [5], ["a cat"])


def test_verl_has_no_null_so_that_it_must_be_stated() -> None:
    with pytest.raises(TypeError, match="on_null"):
        VerlReward(FakeClient(), "shows", frame_of=solution_frame)  # type: ignore[call-arg]
    for on_null in ("skip", "last", None, float("nan")):
        with pytest.raises(ValueError, match="on_null"):
            VerlReward(FakeClient(), "shows", frame_of=solution_frame, on_null=on_null)  # type: ignore[arg-type]
    reward = VerlReward(FakeClient(), "shows", frame_of=solution_frame, on_null="raise")
    with pytest.raises(NullRewardError, match="failed"):
        verl_call(reward, ground_truth="7")


# --- OpenRLHF: reward_func(queries, prompts, labels, **kwargs)


def test_openrlhf_gets_rewards_scores_and_logs() -> None:
    client = FakeClient()
    reward = OpenRLHFReward(client, "shows", frame_of=frame_of, on_null=0.25)
    answer = reward(["Say: a cat", "Say: a dog"], ["Say: ", "Say: "], ["3", "7"])
    assert answer == {"rewards": [3.0, 0.25], "scores": [3.0, 0.25], "extra_logs": {"vlm_null": 0.5}}
    assert client.asked == [("shows", [3, 7], ["a cat", "a dog"])]


def test_openrlhf_makes_the_tensors_that_it_makes_of_its_own_server() -> None:
    """As openrlhf/trainer/ppo_utils/samples_generator.py and experience_maker.py (0.11) use the answers."""
    reward = OpenRLHFReward(FakeClient(), "shows", frame_of=frame_of, on_null="raise")
    answers = [reward([f"q{n}"], ["q"], [str(n)]) for n in (1, 2, 3, 4)]
    rewards = torch.cat([torch.tensor([answer["rewards"]]) for answer in answers], dim=0)
    assert rewards.reshape(-1, 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert torch.tensor([answers[0]["scores"]])[0].item() == 1.0
    assert torch.tensor([answers[0]["extra_logs"]["vlm_null"]]).tolist() == [0.0]


def test_openrlhf_has_no_null_so_that_it_must_be_stated() -> None:
    with pytest.raises(TypeError, match="on_null"):
        OpenRLHFReward(FakeClient(), "shows", frame_of=frame_of)  # type: ignore[call-arg]
    with pytest.raises(NullRewardError, match="row 1"):
        OpenRLHFReward(FakeClient(), "shows", frame_of=frame_of, on_null="raise")(
            ["a", "b"], ["", ""], ["1", "7"]
        )


# --- a text-to-image loop: (images, prompts) -> scores


def test_a_text_to_image_loop_gets_a_score_an_image() -> None:
    client = FakeClient()
    scores = TextToImageReward(client, "shows", on_null="raise")([grey(1), grey(2)], ("a cat", "a dog"))
    assert scores.dtype == np.float64
    assert scores.tolist() == [1.0, 2.0]
    assert client.asked == [("shows", [1, 2], ["a cat", "a dog"])]


def stack() -> NDArray[np.uint8]:
    frames = np.zeros((2, 5, 6, 3), np.uint8)
    frames[0], frames[1] = 51, 102
    return frames


@pytest.mark.parametrize(
    "images",
    [
        stack(),
        stack() / 255,
        torch.from_numpy(stack()),
        torch.from_numpy(stack()).permute(0, 3, 1, 2),
        torch.from_numpy(stack()).permute(0, 3, 1, 2) / 255,
        (torch.from_numpy(stack()).permute(0, 3, 1, 2) / 255).to(torch.bfloat16),
        [Image.fromarray(image) for image in stack()],
        [image_file(image) for image in stack()],
        [torch.from_numpy(image).permute(2, 0, 1) / 255 for image in stack()],
    ],
    ids=[
        "NHWC",
        "NHWC float",
        "torch NHWC",
        "NCHW",
        "NCHW float",
        "bfloat16",
        "Pillow",
        "PNG",
        "list of CHW",
    ],
)
def test_images_come_as_diffusion_loops_have_them(images: Any) -> None:
    scores = TextToImageReward(FakeClient(), "plain", on_null="raise")(images, ["a", "b"])
    assert scores.tolist() == [51.0, 102.0]


@pytest.mark.parametrize(
    "images", [stack() / 127.5 - 1, stack().astype(np.float32), stack() * np.nan, stack().astype(np.int64)]
)
def test_floats_that_are_not_in_0_to_1_are_refused(images: Any) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        TextToImageReward(FakeClient(), "plain", on_null="raise")(images, ["a", "b"])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int8, np.bool_])
def test_other_whole_numbers_are_refused_and_never_wrapped(dtype: Any) -> None:
    with pytest.raises(ValueError, match=f"dtype {np.dtype(dtype)}; pass uint8, or floats in 0 to 1"):
        TextToImageReward(FakeClient(), "plain", on_null="raise")(stack().astype(dtype), ["a", "b"])


def test_as_many_prompts_as_images() -> None:
    with pytest.raises(ValueError, match="2 images and 1 prompts"):
        TextToImageReward(FakeClient(), "plain", on_null="raise")(stack(), ["a"])


def test_a_score_that_is_not_there_is_what_was_stated() -> None:
    images = [grey(1), grey(7)]
    scores = TextToImageReward(FakeClient(), "plain", on_null="nan")(images, ["a", "b"])
    np.testing.assert_array_equal(scores, [1.0, np.nan])
    assert TextToImageReward(FakeClient(), "plain", on_null=-3)(images, ["a", "b"]).tolist() == [1.0, -3.0]
    with pytest.raises(NullRewardError, match="image 1"):
        TextToImageReward(FakeClient(), "plain", on_null="raise")(images, ["a", "b"])
    with pytest.raises(TypeError, match="on_null"):
        TextToImageReward(FakeClient(), "plain")  # type: ignore[call-arg]


def test_they_travel_to_other_processes() -> None:
    client = RewardClient("http://127.0.0.1:1")
    for reward in (
        TRLReward(client, "shows", frame_of=frame_of),
        VerlReward(client, "shows", frame_of=frame_of, on_null="raise"),
        OpenRLHFReward(client, "shows", frame_of=frame_of, on_null="raise"),
        TextToImageReward(client, "shows", on_null="raise"),
    ):
        assert type(pickle.loads(pickle.dumps(reward))) is type(reward)
    client.close()


@pytest.mark.vllm
def test_a_real_server_scores_images_for_their_texts(
    client: RewardClient, grey_frame: NDArray[np.uint8]
) -> None:
    rubric = client.rubric("cartpole-upright").rubric
    asked = rubric.model_copy(update={"prompt": "Is the {text} upright? Answer yes or no."})
    rewards = TRLReward(client, asked)(["", ""], ["pole", "car"], image=[grey_frame, grey_frame])
    plain = client.score([grey_frame], "cartpole-upright").data[0].reward
    assert rewards[0] == plain
    assert len(rewards) == 2
