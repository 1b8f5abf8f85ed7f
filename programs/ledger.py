"""What a run asked for, got, refused and spent (`ledger.json`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic does not read the standard one

__all__ = ["ENOUGH_READ", "Ledger", "Listed", "Settings", "Share", "known_sum", "rested"]

ENOUGH_READ = 20  # drafts of a label before it is said how many read as another
SEVERAL = 4  # places in a list from which it may be called short
OFTEN = 0.4  # share of them from which it is
LISTS = ("contexts", "seeds")  # stages that are asked once for many rows

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]


@with_config(ConfigDict(strict=True, extra="allow"))
class Share(TypedDict):
    """A label's part of a run, in rows: `requested`, `accepted` and `missing`; what its refusals `broken_most`; how many of the drafts asked for
    it were `read` by the verifier, and how many of those were `read_otherwise`, as another label."""

    requested: Count
    accepted: Count
    missing: NotRequired[int]
    broken_most: NotRequired[dict[str, Count]]
    read: NotRequired[Count]
    read_otherwise: NotRequired[Count]


@with_config(ConfigDict(strict=True, extra="allow"))
class Listed(TypedDict):
    """How far a list of the LM's went."""

    wanted: Count
    used: Count


@with_config(ConfigDict(strict=True, extra="allow"))
class Settings(TypedDict):
    """What determines a run."""

    task: str
    task_hash: str
    n: NotRequired[int]
    seed: int
    lm: str
    api_base: NotRequired[str | None]
    judge_lm: NotRequired[str | None]
    strategy: str
    verify: str
    program: str


class Ledger(BaseModel):
    """The account of a run, as it is made and as it is read.

    Parameters
    ----------
    requested, accepted
        Rows.
    per_label
        Each label's part of them.
    refused
        Refused slots by the assertion that was broken last.
    broken
        Broken assertions of every draft.
    flips
        Accepted rows whose final label is not the asked one, as `asked -> final`.
    calls, tokens
        Of each stage; tokens are None where the server did not tell them.
    repeated
        Requests sent again because a process died before it could keep their answers.
    cost_usd
        None where a price is unknown.
    wall_s
        Seconds of each session until the last slot that it decided.
    unnamed, worded
        Accepted rows whose context is the task's hint, since the LM named none, and those whose context is a label word, since no LM was asked.
    lists
        Of the contexts and of the seeds that the LM was to name: how many different ones accepted rows rest on (`used`), and how many would have had
        a place (`wanted`).
    shortfall
        Why rows are missing; empty for a complete run.
    settings
        What the run was asked for.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    requested: Count
    accepted: Count
    per_label: Annotated[dict[str, Share], Field(min_length=1)]
    refused: dict[str, Count]
    broken: dict[str, Count]
    flips: dict[str, Count]
    calls: dict[str, Count]
    tokens: dict[str, dict[str, Count | None]]
    repeated: Count
    cost_usd: Amount | None
    wall_s: Amount
    shortfall: str = ""
    unnamed: Count = 0
    worded: Count = 0
    lists: dict[str, Listed] = {}
    settings: Settings

    def record(self) -> dict[str, Any]:
        """The ledger as one JSON object."""
        return self.model_dump()

    @property
    def few(self) -> Mapping[str, Listed]:
        """The lists of which no more than half was had, where that tells anything."""
        return {name: each for name, each in self.lists.items() if each["wanted"] >= SEVERAL and 2 * each["used"] <= each["wanted"]}

    def misread(self, unled: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """A sentence for each label whose drafts the verifier often read as another: of twenty or more, above 40 %. A note to whoever uses the rows.

        Labels of fewer drafts each are looked at together. `unled` gives the lists that the task has none of, by label.
        """
        read = {label: (share.get("read", 0), share.get("read_otherwise", 0)) for label, share in self.per_label.items()}
        groups: list[tuple[tuple[str, ...], str]] = [
            ((label,), repr(label)) for label, (drafts, _) in read.items() if drafts >= ENOUGH_READ
        ]
        few = tuple(label for label, (drafts, _) in read.items() if drafts < ENOUGH_READ)
        groups.append((few, f"{len(few)} labels of fewer than {ENOUGH_READ} drafts each"))
        return tuple(
            f"{otherwise} of the {drafts} drafts asked for {whose} read as another label ({otherwise / drafts:.0%}); look at "
            f"{'its' if len(labels) == 1 else 'their'} rows before you use them. {_keeping(labels, unled)} a writer keep to a label"
            for labels, whose in groups
            if (drafts := sum(read[label][0] for label in labels)) >= ENOUGH_READ
            and (otherwise := sum(read[label][1] for label in labels)) > OFTEN * drafts
        )

    @property
    def per_row(self) -> Mapping[str, float | None]:
        """What a row took: `seconds` of the whole, and the `calls` and `usd` that are no list's. `usd` is parted by tokens, None where unknown."""
        made, calls, tokens = max(1, self.accepted), sum(self.calls.values()), sum(map(_known, self.tokens.values()))
        lists = sum(_known(self.tokens.get(stage, {})) for stage in LISTS) / max(1, tokens)
        return {
            "seconds": self.wall_s / made,
            "calls": (calls - self._lists) / made,
            "usd": None if self.cost_usd is None else self.cost_usd * (1 - lists) / made,
        }

    def projected(
        self, n: int, *, contexts: float, latency: float | None = None, concurrency: int = 1
    ) -> Mapping[str, float | None]:
        """What `n` rows would take, as `per_row`, with lists for `contexts` times as many contexts.

        Of a server that takes `latency` seconds for an answer, however many of the `concurrency` requests are in flight, its calls share them; few
        rows keep fewer in flight than many. Without one, each row takes as long as these did.
        """
        each = self.per_row
        calls = (each["calls"] or 0) * n + self._lists * contexts
        seconds = (each["seconds"] or 0) * n
        if latency is not None:
            in_turn = len(LISTS) + (each["calls"] or 0)  # of the last row, which no other waits for
            seconds = latency * (calls / min(n, concurrency) + in_turn)
        usd = None
        if self.cost_usd is not None and each["usd"] is not None:
            usd = each["usd"] * n + (self.cost_usd - each["usd"] * max(1, self.accepted)) * contexts
        return {"seconds": seconds, "calls": calls, "usd": usd}

    @property
    def _lists(self) -> int:
        return sum(self.calls.get(stage, 0) for stage in LISTS)


def rested(lists: Mapping[str, Listed]) -> str:
    """What rows rest on, and what would have had a place.

    >>> rested({"contexts": {"wanted": 6, "used": 1}, "seeds": {"wanted": 10, "used": 2}})
    '1 of 6 contexts and 2 of 10 seeds'
    """
    return " and ".join(f"{each['used']} of {each['wanted']} {name}" for name, each in lists.items())


def _keeping(labels: Sequence[str], unled: Mapping[str, Sequence[str]]) -> str:
    """What may keep a writer to the labels: the lists that one of them lacks, else clearer words."""
    lists = " or ".join(dict.fromkeys(name for label in labels for name in unled.get(label, ()))) or "a clearer constraint"
    return f"{lists[0].upper()}{lists[1:]} in the task file, or a larger model, make"


def known_sum(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one of the counts is unknown."""
    counted = tuple(counts)
    return None if None in counted else sum(count or 0 for count in counted)


def _known(tokens: Mapping[str, int | None]) -> int:
    """What was read and written, as far as it is known: where it is not, no price is either."""
    return sum(count or 0 for count in tokens.values())
