"""No network of its own accord: what keeps the libraries beneath from looking things up, and from the terminal."""

import os

__all__ = ["QUIET", "be_quiet", "stay_offline"]

QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""Variables that must stand in the environment before DSPy's or Hugging Face's first import."""


def be_quiet() -> None:
    """What this process imports reports nothing and fetches no list of prices; what its caller does with a hub is the caller's."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def stay_offline(*lms: object) -> None:
    """For a process that is a command's alone: no hub is asked either, unless one of `lms` is to be fetched from one (`hf:`), and no library's log reaches the terminal."""
    be_quiet()
    os.environ.setdefault("LITELLM_LOG", "CRITICAL")  # what it has to say of a model is for those who program with it
    if not any(str(lm).startswith("hf:") for lm in lms):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
