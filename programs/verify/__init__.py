"""Verifiers: whoever reads a draft and says which label it has. Only an anchored one is told the label that was asked for."""

from seedless.verify.verifier import NoVerifier, Verifier, VerifyMode, one_reader

__all__ = ["NoVerifier", "Verifier", "VerifyMode", "one_reader"]
