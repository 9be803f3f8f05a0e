"""Proportions and probabilities as text, in percent."""


def percent_text(proportion: float) -> str:
    """A proportion in percent, with two decimals."""
    return f"{proportion * 100:.2f} %"


def probability_text(value: float) -> str:
    """A probability in percent that is never rounded to 100 % or to 0."""
    if value > 0.9999:
        return ">99.99 %"
    if value < 0.001:
        return "<0.1 %"
    return f"{value * 100:.1f} %" if value < 0.99 else f"{value * 100:.2f} %"
