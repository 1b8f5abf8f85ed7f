"""Verifiers: whoever reads a draft without seeing the asked label, and says which one it has."""

from seedless.verify.verifier import NoVerifier, Verifier, VerifyMode, one_reader

__all__ = ["NoVerifier", "Verifier", "VerifyMode", "one_reader"]
