"""The consumer's page.

python -m flaskapp [remote]      serves it; remote is the live network in .env
python -m flaskapp password      asks for its password, and prints what .env keeps of it
"""

import sys


def main(words: list[str]) -> None:
    """Run what the command line names."""
    from flaskapp.serving import print_hash, serve
    from market.session import run

    match words:
        case [] | ["local"]:
            run(serve, "local")
        case ["remote"]:
            run(serve, "remote")
        case ["password"]:
            run(print_hash, "local")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
