"""What a device's process does without, so that it stays small."""

import sys
from types import ModuleType

# All that web3 takes from aiohttp when it is imported. Only its asynchronous providers use them.
AIOHTTP_NAMES = ("ClientError", "ClientResponse", "ClientSession", "ClientTimeout", "TCPConnector")


def leave_out_aiohttp() -> None:
    """Have web3 imported without aiohttp, which takes 9 MB and a fifth of a second, for nothing.

    To be called before web3 is imported; its asynchronous providers cannot be used afterwards.
    """
    if "aiohttp" in sys.modules:
        return
    placeholder = ModuleType("aiohttp", "Left out.")
    for name in AIOHTTP_NAMES:
        setattr(placeholder, name, type(name, (Exception,), {}))
    sys.modules["aiohttp"] = placeholder
