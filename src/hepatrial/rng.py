"""Common random numbers: one counter-based stream per decision, indexed by patient and occurrence.

Every draw is a pure function of (seed, decision, patient, occurrence), so results do not depend on
the number of workers, the chunk size or the order, and a larger cohort begins with the smaller one.
The generator is Philox4x64-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405, section 3), written
for whole arrays because numpy needs about 20 microseconds to set up one generator a patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_M0 = np.uint64(0xD2E7470EE14C6C93)
_M1 = np.uint64(0xCA5A826395121157)
_W0 = np.uint64(0x9E3779B97F4A7C15)
_W1 = np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MASK64 = (1 << 64) - 1


def _high_product(a: NDArray[np.uint64], b: np.uint64) -> NDArray[np.uint64]:
    """Upper 64 bits of the 128-bit product, by 32-bit halves."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    carry = a_low * b_high + (middle & _LOW)
    high: NDArray[np.uint64] = a_high * b_high + (middle >> _HALF) + (carry >> _HALF)
    return high


def philox4x64(counter: NDArray[np.uint64], key: tuple[int, int | NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Philox4x64 with ten rounds.

    Args:
        counter: (4, n) counters.
        key: the two 64-bit key words; the second may be (n,) words, one for each counter.

    Returns:
        (4, n) random words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = (np.asarray(word, dtype=np.uint64) for word in key)
    with np.errstate(over="ignore"):
        for _ in range(10):
            high0, low0 = _high_product(c0, _M0), c0 * _M0
            high1, low1 = _high_product(c2, _M1), c2 * _M1
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = k0 + _W0, k1 + _W1
    return np.stack([c0, c1, c2, c3])


@dataclass(frozen=True)
class Stream:
    """The draws of one decision under one seed.

    Args:
        seed: the run's seed, 0 <= seed < 2**64.
        decision: the decision's name ("death", "trait.age", "assay.alt"); part of the key.
    """

    seed: int
    decision: str

    def _blocks(self, patient: NDArray[np.uint64], block: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """(4, n) words: those of occurrences 4 * block to 4 * block + 3."""
        zero = np.zeros_like(patient)
        return philox4x64(np.stack([patient, block, zero, zero]), (self.seed & _MASK64, self._word))

    @property
    def _word(self) -> int:
        """The decision as a word of the key."""
        digest = hashlib.blake2b(self.decision.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")

    def _words(self, patient: ArrayLike, occurrence: ArrayLike) -> NDArray[np.uint64]:
        person, which = np.asarray(patient, dtype=np.uint64), np.asarray(occurrence, dtype=np.uint64)
        if person.ndim == 1 and which.ndim == 0 and _consecutive(person):
            return _run(self.seed, self._word, person, int(which) >> 2)[:, int(which) & 3]
        patient64, occurrence64 = np.broadcast_arrays(person, which)
        flat_patient, flat_occurrence = patient64.ravel(), occurrence64.ravel()
        words = self._blocks(flat_patient, flat_occurrence >> np.uint64(2))
        lane = (flat_occurrence & np.uint64(3)).astype(np.intp)
        chosen = words[lane, np.arange(flat_patient.size)]
        return chosen.reshape(patient64.shape)

    def uniform(self, patient: ArrayLike, occurrence: ArrayLike = 0) -> NDArray[np.float64]:
        """Draws in the open interval (0, 1), one for each pair of the broadcast arguments."""
        return _unit_interval(self._words(patient, occurrence))

    def normal(self, patient: ArrayLike, occurrence: ArrayLike = 0) -> NDArray[np.float64]:
        """Standard normal draws, by inversion (monotone in the uniform draw)."""
        from scipy.special import ndtri  # here, because it takes longer to import than all else

        return np.asarray(ndtri(self.uniform(patient, occurrence)), dtype=np.float64)

    def exponential(self, patient: ArrayLike, occurrence: ArrayLike = 0) -> NDArray[np.float64]:
        """Unit-exponential draws (event thresholds), by inversion."""
        return -np.log(self.uniform(patient, occurrence))

    def exponential_table(self, patient: ArrayLike, occurrences: int) -> NDArray[np.float64]:
        """``exponential`` of patients and occurrences 0, 1 ... at a quarter of its cost: (n, occurrences)."""
        person = np.asarray(patient, dtype=np.uint64)
        blocks = -(-occurrences // 4)
        if _consecutive(person):
            runs = [_run(self.seed, self._word, person, block) for block in range(blocks)]
            return -np.log(_unit_interval(np.concatenate(runs, axis=1)[:, :occurrences]))
        pair = np.broadcast_arrays(person[:, None], np.arange(blocks, dtype=np.uint64)[None, :])
        words = self._blocks(pair[0].ravel(), pair[1].ravel())
        table = words.T.reshape(len(person), 4 * blocks)[:, :occurrences]
        return -np.log(_unit_interval(table))


def uniform_of_many(streams: Sequence[Stream], patient: ArrayLike) -> NDArray[np.float64]:
    """``uniform(patient)`` of many streams of one seed at a fraction of the cost: (n_streams, n).

    A few hundred patients are too few to fill numpy's loops; all streams at once are not.
    """
    person = np.asarray(patient, dtype=np.uint64)
    if not streams:
        return np.zeros((0, len(person)))
    (seed,) = {stream.seed for stream in streams}
    if _consecutive(person):
        return _unit_interval(np.stack([_run(seed, stream._word, person, 0)[:, 0] for stream in streams]))
    words = np.repeat(np.array([stream._word for stream in streams], dtype=np.uint64), len(person))
    zero = np.zeros_like(words)
    counter = np.stack([np.tile(person, len(streams)), zero, zero, zero])
    first = philox4x64(counter, (seed & _MASK64, words))[0]
    return _unit_interval(first).reshape(len(streams), len(person))


_WORTH_A_GENERATOR = 128
"""Patients from which numpy's own generator, slow to set up, is faster than its rounds on arrays."""


def _consecutive(patient: NDArray[np.uint64]) -> bool:
    """Whether they are many, and each is the number after the one before."""
    n = len(patient)
    return n >= _WORTH_A_GENERATOR and bool((patient == patient[0] + np.arange(n, dtype=np.uint64)).all())


def _run(seed: int, word: int, patient: NDArray[np.uint64], block: int) -> NDArray[np.uint64]:
    """(n, 4) words of consecutive patients: numpy's generator counts up the first word of the counter, which
    is the patient's number, and before the first block."""
    before = (int(patient[0]) + (block << 64) - 1) % (1 << 256)
    key = np.array([seed & _MASK64, word], dtype=np.uint64)
    words = np.random.Philox(key=key, counter=before).random_raw(4 * len(patient))
    return np.asarray(words).reshape(len(patient), 4)


def _unit_interval(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The upper 53 bits as a number in the open interval (0, 1)."""
    return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
