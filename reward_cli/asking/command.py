"""The command ``reward ask``: its options, its requests, and how it ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from reward_cli.asking.as_json import as_json
from reward_cli.asking.pictures import Picture, PictureError, is_picture_name, read_pictures
from reward_cli.asking.questions import Question, QuestionError, own_question, rubric_questions
from reward_cli.asking.showing import Answered, show
from reward_cli.parsing import EXIT_FAILED, Parser, whole_number
from reward_cli.running_server import DEFAULT_URL, NoServerError, client_of
from reward_client import RewardClient
from reward_client.errors import RewardServiceError

EXIT_NOT_SCORED = 3
"""Each question was asked, but some answers have no reward."""

_EPILOG = """\
A picture is a file, a folder of pictures or a film; a question has a space in
it or ends with a question mark. A question without an option is answered yes or
no, and its reward is the probability of yes. The server's key, where it asks
for one, is in the variable REWARD_API_KEY.

exit codes: 0 every answer has a reward; 1 nothing could be asked; 2 wrong
options; 3 some answers have no reward

examples:
  reward ask frame.png "Is the pole upright?" "Does the pole lean left?"
  reward ask frames/ "Which way does the pole lean?" --labels Left,Right,Upright
  reward ask runs/demo/video.mp4 --rubric cartpole-angle --frames 5
"""


def ask(arguments: Sequence[str]) -> int:
    """Asks questions about pictures and prints the answers.

    Returns:
        The exit code.
    """
    parser = _parser()
    options = parser.parse(arguments)
    names = [word for word in options.words if is_picture_name(word)]
    words = [word for word in options.words if not is_picture_name(word)]
    if not names:
        parser.error("give a picture, a folder or a film")
    if not words and not options.rubric:
        parser.error("give a question, or --rubric")
    if options.rubric and (options.labels or options.number):
        parser.error("--labels and --number are for a question of one's own, not for --rubric")
    try:
        pictures = read_pictures(names, options.frames)
        own = (
            [] if options.rubric else [own_question(w, options.labels, number=options.number) for w in words]
        )
        with client_of(options.server_url) as client:
            questions = own or [q for name in options.rubric for q in rubric_questions(name, words, client)]
            answered = _asked(client, pictures, questions, explain=options.explain)
    except (NoServerError, PictureError, QuestionError) as error:
        return _failed(str(error))
    except (RewardServiceError, ValueError) as error:
        return _failed(f"the question could not be asked: {error}")
    if options.json:
        print(as_json(options.server_url, pictures, answered))
    else:
        show(pictures, answered)
    scored = all(item.reward is not None for one in answered for item in one.response.data)
    return 0 if scored else EXIT_NOT_SCORED


def _asked(
    client: RewardClient, pictures: Sequence[Picture], questions: Sequence[Question], *, explain: bool
) -> list[Answered]:
    frames = [picture.frame for picture in pictures]
    return [Answered(one, client.score(frames, one.asked, explain=explain)) for one in questions]


def _failed(sentence: str) -> int:
    print(f"reward ask: {sentence}", file=sys.stderr)
    return EXIT_FAILED


def _parser() -> Parser:
    parser = Parser(
        "ask",
        "Asks a vision-language model about pictures: answers, probabilities, rewards.",
        "PICTURE... QUESTION... [OPTIONS]",
        _EPILOG,
    )
    parser.add_argument("words", nargs="*", metavar="PICTURE or QUESTION", help="one or several of each")
    how = parser.add_argument_group("how a question is answered")
    kind = how.add_mutually_exclusive_group()
    kind.add_argument(
        "--labels",
        type=_labels,
        metavar="A,B,C",
        help="choose one of these; the reward is the probability of the first",
    )
    kind.add_argument("--number", action="store_true", help="a number in text, which is also the reward")
    how.add_argument(
        "--rubric",
        action="append",
        metavar="NAME|FILE",
        help="a rubric of the server or a YAML file, with its own question or with yours; may be repeated",
    )
    how.add_argument(
        "--explain", action="store_true", help="also let the model answer in its own words, and read those"
    )
    rest = parser.add_argument_group("pictures, server, output")
    rest.add_argument(
        "--frames", type=whole_number(1), default=8, metavar="N", help="frames of a film, spread over it (8)"
    )
    rest.add_argument("--server-url", default=DEFAULT_URL, metavar="URL", help=f"({DEFAULT_URL})")
    rest.add_argument("--json", action="store_true", help="print JSON for programs")
    return parser


def _labels(text: str) -> list[str]:
    labels = [label.strip() for label in text.split(",")]
    if len(labels) < 2 or not all(labels) or len(set(labels)) < len(labels):
        raise argparse.ArgumentTypeError(
            f"give at least two different labels with commas between, not {text!r}"
        )
    return labels
