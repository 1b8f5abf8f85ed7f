"""Where things go on a chart: axes that turn values into percent of a width or a height."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Axis", "figure"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, with ticks inside it. `low < high`; with `log` both are above 0."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Percent of the axis at `value`: 0 at `low`, 100 at `high`.

        >>> Axis(0.0, 0.5, ()).at(0.25), Axis(25, 400, (), log=True).at(100)
        (50.0, 50.0)
        """
        if self.log:
            return round(100 * math.log(value / self.low) / math.log(self.high / self.low), 2)
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    @classmethod
    def over(cls, values: Iterable[float], *, at_most: float = math.inf) -> "Axis":
        """An axis with round ends around `values`, at least 0 and at most `at_most`.

        >>> Axis.over([0.43, 0.71], at_most=1.0)
        Axis(low=0.4, high=0.8, ticks=(0.4, 0.5, 0.6, 0.7, 0.8), log=False)
        """
        given = list(values) or [0.0]
        low, high = min(given), max(given)
        room = max(high - low, 0.05 * abs(high), 1e-6)
        power = 10.0 ** math.floor(math.log10(room / 3))
        step = power * next(factor for factor in (1, 2, 5, 10) if room / (power * factor) <= 5)
        first, last = max(0, math.floor(low / step + 1e-9)), math.ceil(high / step - 1e-9)
        last = max(1, first + 1, last) if at_most == math.inf else max(1, min(max(first + 1, last), round(at_most / step)))
        first = min(first, last - 1)
        ticks = tuple(round(place * step, 10) for place in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks)

    @classmethod
    def of_sizes(cls, sizes: Iterable[int]) -> "Axis":
        """A logarithmic axis whose ticks are the sizes themselves, thinned where they would touch."""
        given = sorted({size for size in sizes if size > 0}) or [1]
        low, high = float(given[0]), float(given[-1])
        if low == high:
            return cls(low / 2, high * 2, (low,), log=True)
        axis = cls(low, high, (), log=True)
        ticks = [high]
        for size in reversed(given[:-1]):
            if axis.at(ticks[-1]) - axis.at(size) >= 12:
                ticks.append(float(size))
        return cls(low, high, tuple(reversed(ticks)), log=True)


def figure(value: float | int | None, digits: int = 3) -> str:
    """A number as a reader wants it: whole ones with their thousands apart, others to `digits` significant digits, a dash for none.

    >>> figure(1234567), figure(0.71234), figure(0.0), figure(12.0), figure(1e-9)
    ('1,234,567', '0.712', '0', '12', '1e-09')
    """
    if value is None:
        return "–"
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
