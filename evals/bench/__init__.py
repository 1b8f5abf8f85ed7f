"""Benchmarks, each a module to run: `python -m seedless.evals.bench.NAME`. Each prints one JSON object."""
