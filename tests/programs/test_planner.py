"""Quotas and the plan: exact, balanced, the same for the same seed."""

import math
import random
from collections import Counter
from typing import Any

import pytest

from seedless.planner import Allotment, Plan, quotas
from seedless.task import Task

SIZES = {"in at most eight words": 1.0, "in two lines": 2.0, "at length": 0.5}


def task_of(shares: dict[str, float], **attributes: dict[str, float]) -> Task:
    """A task with these labels and attributes."""
    return Task.model_validate(
        {
            "name": "rooms",
            "description": "Lines about rooms.",
            "fields": [{"name": "text", "description": "one line"}],
            "labels": [{"name": name, "meaning": name, "constraint": name, "share": share} for name, share in shares.items()],
            "contexts": {"hint": "rooms"},
            "seeds": {"hint": "things"},
            "attributes": [{"name": name, "values": values} for name, values in attributes.items()],
        }
    )


def assert_exact(dealt: dict[str, int], weights: dict[str, float], n: int) -> None:
    assert list(dealt) == list(weights)
    assert sum(dealt.values()) == n
    total = math.fsum(weights.values())
    for name, weight in weights.items():
        assert dealt[name] >= 0
        assert abs(dealt[name] - n * weight / total) < 1 + 1e-6, (name, dealt, weights, n)


def test_quotas_are_exact() -> None:
    rng = random.Random("quotas")
    for _ in range(300):
        scale = 10 ** rng.uniform(-6, 6)
        weights = {
            f"l{i}": scale * rng.choice([1.0, rng.random() + 1e-9, rng.expovariate(1) + 1e-9]) for i in range(rng.randint(1, 40))
        }
        n = rng.choice([0, 1, 2, rng.randint(0, 100), rng.randint(0, 1_000_000)])
        assert_exact(quotas(weights, n), weights, n)


@pytest.mark.parametrize(
    ("weights", "n", "dealt"),
    [
        ({"a": 1, "b": 1, "c": 1}, 10, {"a": 4, "b": 3, "c": 3}),
        ({"a": 1, "b": 1}, 0, {"a": 0, "b": 0}),
        ({"a": 0.1, "b": 0.2, "c": 0.7}, 10, {"a": 1, "b": 2, "c": 7}),
        ({"a": 1_000_000, "b": 1e-9}, 1_000_000, {"a": 1_000_000, "b": 0}),
        ({"only": 5e-324}, 7, {"only": 7}),
        ({"a": 1, "b": 3}, 2, {"a": 1, "b": 1}),
    ],
)
def test_quotas_by_hand(weights: dict[str, float], n: int, dealt: dict[str, int]) -> None:
    assert quotas(weights, n) == dealt


def test_plan_deals_labels_and_attributes_exactly() -> None:
    rng = random.Random("plans")
    for case in range(60):
        shares = {f"l{i}": rng.choice([1.0, 0.2 + rng.random()]) for i in range(rng.randint(1, 8))}
        n = rng.randint(1, 200)
        tones = {"warmly": 1.0, "coldly": 1.0}
        plan = Plan(task_of(shares, size=SIZES, tone=tones), n, case)
        assert [a.position for a in plan.allotments] == list(range(n))
        got = Counter(a.label for a in plan.allotments)
        assert {name: got[name] for name in shares} == plan.per_label
        assert_exact(plan.per_label, shares, n)
        for label, count in plan.per_label.items():
            own = [a for a in plan.allotments if a.label == label]
            assert [a.ordinal for a in own] == list(range(count))
            for name, values in (("size", SIZES), ("tone", tones)):
                dealt = Counter(a.attributes[name] for a in own)
                assert_exact({value: dealt[value] for value in values}, values, count)


def test_the_same_seed_gives_the_same_plan() -> None:
    task = task_of({"a": 1.0, "b": 2.0}, size=SIZES)

    def drawn(seed: int) -> tuple[Any, ...]:
        plan = Plan(task, 50, seed)
        later = [(plan.context(a, r, 7), plan.instance_seed(a, r, 3, 7, 5)) for a in plan.allotments for r in (0, 1, 2)]
        return (*plan.allotments, *later, plan.rollout("slot", 3, 1))

    assert drawn(4) == drawn(4)
    assert drawn(4) != drawn(5)


def test_prefixes_are_balanced_between_equal_labels() -> None:
    for seed in range(40):
        for labels in (2, 3, 7):
            seen = Counter({f"l{i}": 0 for i in range(labels)})
            for allotment in Plan(task_of(dict.fromkeys(seen, 1.0)), labels * 12, seed).allotments:
                seen[allotment.label] += 1
                assert max(seen.values()) - min(seen.values()) <= 1


def test_prefixes_keep_near_unequal_shares() -> None:
    shares = {"a": 5.0, "b": 3.0, "c": 1.0}
    n = 90
    for seed in range(40):
        seen = Counter[str]()
        for k, allotment in enumerate(Plan(task_of(shares), n, seed).allotments, 1):
            seen[allotment.label] += 1
            assert all(abs(seen[label] - k * share / 9.0) < 2 for label, share in shares.items())


@pytest.mark.parametrize("round_", [0, 1, 2, 9])
@pytest.mark.parametrize(("contexts", "seeds"), [(1, 1), (1, 6), (5, 1), (7, 4), (60, 40)])
def test_indices_are_in_range(round_: int, contexts: int, seeds: int) -> None:
    plan = Plan(task_of({"a": 1.0, "b": 1.0}), 120, 3)
    places = [plan.context(a, round_, contexts) for a in plan.allotments]
    assert {type(place) for place in places} == {int}
    assert min(places) >= 0
    assert max(places) < contexts
    drawn = [plan.instance_seed(a, round_, c, contexts, seeds) for a, c in zip(plan.allotments, places, strict=True)]
    assert min(drawn) >= 0
    assert max(drawn) < seeds
    if round_ == 0 and contexts <= 60:
        assert set(places) == set(range(contexts))


def test_a_label_goes_through_all_contexts_before_one_comes_again() -> None:
    plan = Plan(task_of({"a": 1.0, "b": 1.0}), 60, 1)
    for label in ("a", "b"):
        places = [plan.context(a, 0, 10) for a in plan.allotments if a.label == label]
        assert [len(set(places[i : i + 10])) for i in (0, 10, 20)] == [10, 10, 10]


def test_labels_share_contexts_and_seeds() -> None:
    """What a text is about tells nothing of its label."""
    plan = Plan(task_of({"a": 1.0, "b": 1.0}), 60, 2)
    about: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
    for allotment in plan.allotments:
        place = plan.context(allotment, 0, 6)
        about[allotment.label].append((place, plan.instance_seed(allotment, 0, place, 6, 5)))
    assert about["a"] == about["b"]
    assert len(set(about["a"])) == 30  # no pair of context and seed comes twice while there are others


def test_attributes_tell_nothing_of_the_label_or_each_other() -> None:
    two, three = {"x": 1.0, "y": 1.0}, {"p": 1.0, "q": 1.0, "r": 1.0}
    for seed in range(40):
        for first, second, n in ((two, two, 80), (two, three, 60), (three, three, 90), (two, {"x": 3.0, "y": 1.0}, 80)):
            plan = Plan(task_of({"a": 1.0, "b": 1.0}, first=first, second=second), n, seed)
            cells = Counter((a.label, *a.attributes.values()) for a in plan.allotments)
            weight = 2 * sum(first.values()) * sum(second.values())
            for label in "ab":
                for one, its in first.items():
                    for other, also in second.items():
                        assert cells[label, one, other] == n * its * also / weight


def test_small_labels_together_get_an_attributes_shares() -> None:
    """Rounded for each label alone, all of 77 rows of 77 labels had the first value."""
    for seed in range(20):
        for n, values in ((77, {"x": 1.0, "y": 1.0}), (154, {f"v{i}": 1.0 for i in range(10)}), (231, {"rare": 1.0, "often": 9.0})):
            plan = Plan(task_of({f"l{i}": 1.0 for i in range(77)}, of=values), n, seed)
            dealt = Counter(a.attributes["of"] for a in plan.allotments)
            assert_exact({value: dealt[value] for value in values}, values, n)


def test_attributes_of_few_rows_are_not_locked_together() -> None:
    """Four rows of a label hold four of sixteen combinations: which four differs from label to label."""
    four = {name: {"x": 1.0, "y": 1.0} for name in ("one", "two", "three", "four")}
    plan = Plan(task_of({f"l{i}": 1.0 for i in range(100)}, **four), 400, 0)
    cells = Counter(tuple(a.attributes.values()) for a in plan.allotments)
    assert len(cells) == 16
    assert max(cells.values()) < 2 * 400 / 16
    assert all(Counter(a.attributes["one"] for a in plan.allotments if a.label == f"l{i}") == {"x": 2, "y": 2} for i in range(100))


@pytest.mark.parametrize(("labels", "n", "shared"), [(77, 77, 9), (77, 770, 20), (150, 150, 12), (20, 100, 10), (77, 40, 5)])
def test_many_labels_go_through_all_contexts(labels: int, n: int, shared: int) -> None:
    """All rows of 77 labels, one of each, stood in one context; each context serves several labels, so that it tells little of them."""
    plan = Plan(task_of({f"l{i}": 1.0 for i in range(labels)}), n, 0)
    contexts = plan.context_count
    used: dict[int, set[str]] = {}
    about: dict[str, list[tuple[int, int]]] = {}
    for allotment in plan.allotments:
        place = plan.context(allotment, 0, contexts)
        used.setdefault(place, set()).add(allotment.label)
        about.setdefault(allotment.label, []).append((place, plan.instance_seed(allotment, 0, place, contexts, 4)))
    assert set(used) == set(range(contexts))
    assert min(map(len, used.values())) >= shared
    assert all(len(set(pairs)) == len(pairs) for pairs in about.values())


def test_a_refused_slot_draws_anew() -> None:
    plan = Plan(task_of({"a": 1.0}), 10, 0)
    first, second, *_ = plan.allotments
    for drawing in (lambda a, round_: plan.context(a, round_, 50), lambda a, round_: plan.instance_seed(a, round_, 3, 10, 50)):
        drawn = [drawing(first, round_) for round_ in range(30)]
        assert drawn[1] != drawn[0]
        assert len(set(drawn[1:])) > 10
        assert drawn[1:] != [drawing(second, round_) for round_ in range(1, 30)], "each position for itself"


def test_each_turn_has_an_order_and_each_context_a_first_seed_of_its_own() -> None:
    plan = Plan(task_of({"a": 1.0}), 60, 1)
    places = [plan.context(a, 0, 20) for a in plan.allotments]
    assert places[:20] != places[20:40]
    assert len({plan.instance_seed(plan.allotments[0], 0, context, 20, 40) for context in range(20)}) > 10


@pytest.mark.parametrize("labels", [6, 10, 14])
def test_a_context_serves_five_labels_at_least(labels: int) -> None:
    plan = Plan(task_of({f"l{i}": 1.0 for i in range(labels)}), labels, 0)
    assert min(Counter(plan.context(a, 0, plan.context_count) for a in plan.allotments).values()) >= 5


@pytest.mark.parametrize(("n", "contexts"), [(1, 6), (36, 6), (49, 7), (3600, 60), (1_000, 31)])
def test_context_count_is_a_square_root_within_bounds(n: int, contexts: int) -> None:
    assert Plan(task_of({"a": 1.0}), n, 0).context_count == contexts


def test_context_count_is_bounded() -> None:
    assert Plan(task_of({"a": 1.0}), 5_000, 0).context_count == 60


@pytest.mark.parametrize(("n", "contexts", "seeds"), [(2, 10, 4), (200, 10, 10), (2_000, 10, 40), (201, 10, 11)])
def test_seeds_per_context(n: int, contexts: int, seeds: int) -> None:
    assert Plan(task_of({"a": 1.0, "b": 1.0}), n, 0).seeds_per_context(contexts) == seeds


def test_rollouts_leave_room_and_differ() -> None:
    plan = Plan(task_of({"a": 1.0}), 1, 0)
    numbers = [plan.rollout("slot", position, round_) for position in range(100) for round_ in range(5)]
    assert all(0 <= number < 2**63 and number % 4096 == 0 for number in numbers)
    assert len(set(numbers)) == len(numbers)
    assert plan.rollout("slot", 1, 23) != plan.rollout("slot", 12, 3)
    other = Plan(task_of({"a": 1.0}), 1, 1)
    assert not {other.rollout("slot", position, 0) for position in range(100)} & set(numbers), "another seed asks for other answers"


def test_allotment_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Allotment(0, 0, "a", {}).label = "b"  # type: ignore[misc]  # what must fail
