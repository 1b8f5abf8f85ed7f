"""A sample of rows: all of them while they are few, as many as asked for, the same for the same seed."""

from seedless.evals.measures.sampling import sampled


def test_samples() -> None:
    assert sampled(5, 0).tolist() == [0, 1, 2, 3, 4]
    drawn = sampled(100, 3, limit=10)
    assert len(set(drawn.tolist())) == 10
    assert drawn.tolist() == sorted(drawn.tolist()) == sampled(100, 3, limit=10).tolist()
    assert drawn.tolist() != sampled(100, 4, limit=10).tolist()
