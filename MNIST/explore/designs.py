"""Which points to ask for: a whole grid, a random part of it, or one change at a time.

An axis is one placeholder of the template with its values, or several that change together. Talos sees
an axis as one parameter, with a name such as `rate` or `convolutions+dense` and a value such as `0.001` or
`2+3`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite, prod

from MNIST.errors import UsageError, did_you_mean, quoted
from MNIST.explore.plan import Value, Values
from MNIST.explore.scan import grid_points
from MNIST.language import CLASSES, Axis, SpecError, Template, first_values, is_group, parse_axis


@dataclass(frozen=True)
class Space:
    """The axes of an exploration, each with the values to try; the first axis varies slowest."""

    axes: tuple[Axis, ...]

    @property
    def domains(self) -> dict[str, list[Value]]:
        """The axes in Talos's form; of a range its two ends."""
        return {_label(axis): [_talos_value(value) for value in axis.values] for axis in self.axes}

    @property
    def ranges(self) -> list[Axis]:
        """The axes that any number between two ends is a value of; with them the space is no grid."""
        return [axis for axis in self.axes if axis.is_range]

    @property
    def size(self) -> int:
        """How many points the whole grid has, if no axis is a range."""
        return prod(len(axis.values) for axis in self.axes)

    def grid(self, fraction: float, seed: int) -> list[Values]:
        """All points in Talos's order, or a random part of them in random order; both in Talos's form."""
        return grid_points(self.domains, fraction, seed)

    def rungs(self, epochs_name: str, fraction: float, seed: int) -> list[list[Values]]:
        """The points grouped by their number of epochs, fewest first, for successive halving.

        A random part is drawn from the networks: each that is drawn appears at every number of epochs.
        epochs_name: the placeholder for the number of epochs, which is an axis of its own.
        """
        others = {name: values for name, values in self.domains.items() if name != epochs_name}
        networks = grid_points(others, fraction, seed) if others else [{}]
        return [
            [{epochs_name: epochs, **network} for network in networks]
            for epochs in sorted(self.domains[epochs_name], key=int)
        ]

    def one_at_a_time(self) -> list[Values]:
        """The baseline (the first value of each axis), then each single change to it, in Talos's form.

        An inner placeholder is changed where a value is chosen that has a place for it.
        """
        points = [first_values(self.axes)]
        for place, axis in enumerate(self.axes):
            chosen = first_values(self.axes, axis.names)
            points += [[*chosen[:place], value, *chosen[place + 1 :]] for value in axis.values[1:]]
        return [
            {_label(axis): _talos_value(value) for axis, value in zip(self.axes, point, strict=True)}
            for point in points
        ]

    def placeholders(self, values: Values) -> dict[str, Value]:
        """The value of each placeholder at a point that is given in Talos's form."""
        found: dict[str, Value] = {}
        for axis in self.axes:
            value = values[_label(axis)]
            parts = [value] if len(axis.names) == 1 else map(typed, str(value).split("+"))
            found.update(zip(axis.names, parts, strict=True))
        return found


def make_space(template: Template, changes: Mapping[str, Axis]) -> Space:
    """The axes of a template's `Explore:` section, with changes; the epochs' axis comes first.

    changes: the new axes, by the option that asks for each. A new axis replaces all axes that share a
    placeholder with it.
    Raises UsageError if the template lacks a placeholder, a placeholder has no values, or a value is wrong
    by itself.
    """
    axes = list(template.axes)
    changed: dict[str, str] = {}
    inner = (name for axis in changes.values() for name in axis.inner_names)
    known = list(dict.fromkeys([*template.all_names, *inner]))
    for option, axis in changes.items():
        for name in axis.names:
            if name not in known:
                hint = did_you_mean(name, known) or f"; it has {', '.join(known) or 'none'}"
                raise UsageError(f"{option}: {template.source} has no placeholder {quoted(name)}{hint}")
            if name in changed:
                raise UsageError(f"{option}: {changed[name]} gives {quoted(name)} already")
            changed[name] = option
        replaced = [index for index, old in enumerate(axes) if set(old.names) & set(axis.names)]
        place = replaced[0] if replaced else len(axes)
        axes = [*axes[:place], axis, *(old for old in axes[place:] if not set(old.names) & set(axis.names))]
    needed = _needed(template, axes)
    for option, axis in changes.items():
        if not set(axis.names) & set(needed):
            raise UsageError(f"{option}: no value that is tried has a place for {{{axis.names[0]}}}")
    axes = [axis for axis in axes if set(axis.names) & set(needed)]  # a new axis may have no place for them
    _refuse_groups(template, axes)
    given = {name for axis in axes for name in axis.names}
    lacking = [name for name in needed if name not in given]
    if CLASSES in lacking:
        raise UsageError(f"{{{CLASSES}}} is filled in only in a file: write the number of classes here")
    if lacking:
        raise UsageError(f"there are no values for {{{lacking[0]}}}: add --set {lacking[0]}=VALUE,VALUE")
    axes.sort(key=lambda axis: template.epochs_name not in axis.names)  # the epochs vary slowest
    space = Space(tuple(axes))
    _refuse_wrong_values(space, template)
    return space


def _refuse_groups(template: Template, axes: Sequence[Axis]) -> None:
    """Raise UsageError for values of several words where only a single one can stand."""
    inner = {name for axis in axes for name in axis.inner_names}
    for axis in axes:
        (name, *_), groups = axis.names, [text for value in axis.values for text in value if is_group(text)]
        if groups and template.epochs_name in axis.names:
            raise UsageError(f"{{{name}}} is the number of epochs, a single number: not {groups[0]}")
        if groups and name in inner:
            raise UsageError(
                f"{{{name}}} stands in parentheses already: its values are single words, not {groups[0]}"
            )


def _needed(template: Template, axes: Sequence[Axis]) -> list[str]:
    """The placeholders of a template, and the inner ones that stand in values of those."""
    needed = list(template.names)
    for name in needed:  # it grows meanwhile
        inner = (each for axis in axes if name in axis.names for each in axis.inner_names)
        needed += [each for each in dict.fromkeys(inner) if each not in needed]
    return needed


def axes_of(values: Mapping[str, Sequence[object]]) -> dict[str, Axis]:
    """Turn the values to try for each placeholder into the changes that `make_space` takes."""
    return {
        f"values of {name}": parse_axis(f"{name}={','.join(map(str, each))}", "values")
        for name, each in values.items()
    }


def typed(text: str) -> Value:
    """A value of the grid as a number if Python writes that number in the same way; else the text itself.

    `1e-3` stays text, so that the model file and the output show what the user wrote.
    """
    for kind in (int, float):
        with suppress(ValueError):
            value = kind(text)
            if str(value) == text and isfinite(value):
                return value
    return text


def _talos_value(value: tuple[str, ...]) -> Value:
    return typed(value[0]) if len(value) == 1 else "+".join(value)


def _label(axis: Axis) -> str:
    return "+".join(axis.names)


def _refuse_wrong_values(space: Space, template: Template) -> None:
    """Raise SpecError for a value that is wrong by itself. Whether layers fit is checked at each point."""
    for values in space.one_at_a_time():
        try:
            template.fill_point(space.placeholders(values))
        except SpecError as error:
            if not error.only_shapes:
                raise
