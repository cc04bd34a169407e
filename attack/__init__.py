"""Attack the contract with tools of others: Foundry's fuzzer, and halmos for all inputs at once."""
