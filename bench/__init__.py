"""What the market costs, measured on a chain of its own; `python -m bench` prints it."""
