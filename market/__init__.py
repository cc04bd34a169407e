"""The rules of the demand-response market, each written once."""
