"""Benchmarks, each a module to run: `python -m seedless.evals.bench.NAME`. Each prints its figures as JSON, some a Markdown table behind them or in their place."""
