"""The one exception that is meant for the person in front of the screen."""


class MarketError(Exception):
    """A problem the user can mend.

    Its text is one printable line: what is wrong, and how to mend it. What the line quotes may
    come from any file, so line breaks and control characters are turned into spaces.
    """

    def __str__(self) -> str:
        printable = (char if char.isprintable() else " " for char in super().__str__())
        return " ".join("".join(printable).split())
