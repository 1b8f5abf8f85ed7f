"""A run: the loop over N, its journal, its ledger and its budget."""
