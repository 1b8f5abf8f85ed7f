"""What MLflow is told, and how it gets there without holding up a run."""
