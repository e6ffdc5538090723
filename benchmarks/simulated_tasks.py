"""CartPoleContinuing with a simulated reader's errors: ``--task benchmarks.simulated_tasks:always_45``.

The arm ``oracle`` on such a task learns from what the reader reads, without a frame and without an engine.
Not for the readers themselves (``reward_audit/judging/simulated.py``), and not for what they teach
(``audit_validity.py``).
"""

from __future__ import annotations

import zlib
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reward_audit.judging.simulated import READERS, Reader, reward_of
from reward_tasks.cartpole_continuing import CartPoleContinuing


class SimulatedTask(CartPoleContinuing):
    """CartPoleContinuing-v0, rewarded by a reader's readings."""

    reader: ClassVar[Reader]

    def oracle(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """The reader's rewards of successive steps, NaN where it gives none.

        Its randomness comes from the observations, so that a run repeats, resumed or not.
        """
        truth = self.truth(observations)
        rng = np.random.default_rng(zlib.crc32(observations.tobytes()))
        return reward_of(self.reader.read(truth["tilt_deg"], truth["cart_position"], rng))

    def oracle_of_truth(  # type: ignore[override] # CartPole always says; a reading is none of its truth
        self, truth: dict[str, NDArray[np.float64]]
    ) -> None:
        """The truth does not say what was read of it."""


SIMULATED_TASKS: dict[str, type[SimulatedTask]] = {
    f"{__name__}:{name}": type(name, (SimulatedTask,), {"reader": reader}) for name, reader in READERS.items()
}
"""By the names that ``--task`` takes."""

globals().update({task.reader.name: task for task in SIMULATED_TASKS.values()})
