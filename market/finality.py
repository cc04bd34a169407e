"""When what is on chain stays there: the one rule behind the setting CONFIRMATIONS."""

from market.node import Block


def newest_final(head: Block, confirmations: int) -> int:
    """Return the number of the newest block that no reorganisation is expected to undo.

    It is negative while there is none. So many blocks must follow one for it to be final.
    """
    return head.number - confirmations
