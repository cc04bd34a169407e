"""Mutants of the contract, each against the contract's tests: `./run_mutation.sh contract`.

A mutant goes through what is cheap first, and no further than it must: the compiler, which tells
that there is no code, or the same as before; Foundry's fuzzer; the contract's tests.
"""
