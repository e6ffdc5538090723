"""Builds the checkpoint's tokenizer: byte-level BPE, with every answer a single token.

It is trained on CartPole's wordings; what the other games' answers need is added later.

Any text encodes (bytes are the fallback), so users may ask what they like; the model understands
only what it was taught.
"""

from __future__ import annotations

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tiny_llava.language.questions import ANSWERS, CARTPOLE_TOPICS, TOPICS
from tiny_llava.language.wordings import draw_wording

BOS, EOS, PAD, IMAGE = "<s>", "</s>", "<pad>", "<image>"
VOCAB_SIZE = 1024
MODEL_MAX_LENGTH = 1024

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] + ' ' }}{% else %}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
"""LLaVA-1.5's conversation format, ``USER: <image>\\n{question} ASSISTANT:``."""


def build_tokenizer(seed: int) -> PreTrainedTokenizerFast:
    """Trains the tokenizer on CartPole's wordings and adds its answers as tokens of their own.

    Args:
        seed: seed of the wordings that it is trained on.

    Returns:
        A fast tokenizer; ``"… ASSISTANT: -12"`` ends in exactly one token for ``-12``.
    """
    rng = np.random.default_rng(seed)
    corpus = ["USER: \n ASSISTANT: "] * 100
    corpus += [draw_wording(topic, rng) for topic in CARTPOLE_TOPICS for _ in range(2000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    answers = list(dict.fromkeys(a for topic in CARTPOLE_TOPICS for a in ANSWERS[topic]))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(answers),
        special_tokens=[PAD, BOS, EOS, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens([_answer_token(a) for a in answers])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        additional_special_tokens=[IMAGE],
        model_max_length=MODEL_MAX_LENGTH,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def add_answers(tokenizer: PreTrainedTokenizerFast) -> None:
    """Adds every topic's answers that a tokenizer lacks, at the end of its vocabulary."""
    known = tokenizer.get_vocab()
    answers = dict.fromkeys(a for topic in TOPICS for a in ANSWERS[topic])
    tokenizer.add_tokens([_answer_token(a) for a in answers if a not in known])


def _answer_token(answer: str) -> AddedToken:
    # lstrip: the space after "ASSISTANT:" belongs to the answer. single_word: "Not" is not "No".
    return AddedToken(answer, lstrip=True, normalized=False, single_word=answer.isalpha())
