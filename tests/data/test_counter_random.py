import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from MNIST.data.counter_random import from_minus_one_to_one, splitmix64

uint64 = st.integers(0, 2**64 - 1)


def by_hand(seed: int, count: int) -> list[int]:
    """Steele, Lea and Flood's generator as they describe it: the state grows and is then mixed."""
    numbers = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) % 2**64
        z = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        numbers.append(z ^ z >> 31)
    return numbers


def test_the_numbers_are_those_of_the_reference() -> None:
    published = [  # Vigna's C program prints these for the seed 1234567
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert splitmix64(np.uint64(1234567), np.arange(5)).tolist() == published == by_hand(1234567, 5)


@given(st.lists(uint64, min_size=1, max_size=5), st.integers(1, 20))
def test_each_number_can_be_had_by_itself(seeds: list[int], count: int) -> None:
    streams = splitmix64(np.array(seeds, np.uint64)[:, None], np.arange(count))
    assert streams.tolist() == [by_hand(seed, count) for seed in seeds]
    last = splitmix64(np.array(seeds, np.uint64), np.array([count - 1]))
    assert last.tolist() == streams[:, -1].tolist()


@given(uint64)
def test_a_number_becomes_a_fraction(number: int) -> None:
    (value,) = from_minus_one_to_one(np.array([number], np.uint64))
    assert value == (number >> 11) / 2**52 - 1
    assert -1 <= value < 1
