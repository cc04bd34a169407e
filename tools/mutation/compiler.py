"""A compiler that stays for the next question, as one is asked for every mutant."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final

from market.errors import MarketError
from tools.export_contract import compiler_settings

# Without the hash of the source, which is another one for every mutant.
_PLAIN = MappingProxyType({"metadata": {"bytecodeHash": "none", "appendCBOR": False}})
SHIPPED: Final[Mapping[str, Any]] = MappingProxyType({**compiler_settings(), **_PLAIN})
"""As the contract is deployed: seven seconds for each compilation."""
OPTIMISED: Final[Mapping[str, Any]] = MappingProxyType({**SHIPPED, "viaIR": False})
"""The older code generator: two seconds. It too has one code for what is plainly the same."""
QUICK: Final[Mapping[str, Any]] = MappingProxyType({**OPTIMISED, "optimizer": {"enabled": False}})
"""Half a second, for code that does the same and takes more gas."""


class NoCodeError(MarketError):
    """The source does not compile; `is_limit` tells that it might with other settings."""

    def __init__(self, message: str, is_limit: bool) -> None:
        super().__init__(message)
        self.is_limit = is_limit


class Compiler:
    """npm's solc, in a process that lives as long as the `with` block."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> "Compiler":
        node = Path(sys.prefix, "bin", "node")
        self._process = subprocess.Popen(
            [node, "tools/solc.js", "--standard-json-lines"],
            cwd=self._root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for whoever runs this.
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def code(
        self, source: str, settings: Mapping[str, Any], changed: Mapping[str, str] | None = None
    ) -> str:
        """Return the code that deploys the contract in `source`, named as its file.

        `changed` are the contents of the files that are not as they are on disk. NoCodeError when
        it does not compile.
        """
        texts = {source: (self._root / source).read_text("utf-8"), **(changed or {})}
        name = Path(source).stem
        answer = self._ask(
            {
                "language": "Solidity",
                "sources": {file: {"content": text} for file, text in texts.items()},
                "settings": {
                    **settings,
                    "outputSelection": {source: {name: ["evm.bytecode.object"]}},
                },
            }
        )
        _raise_errors(answer)
        code: str = answer["contracts"][source][name]["evm"]["bytecode"]["object"]
        return code

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        questions, answers = self._process.stdin, self._process.stdout
        assert questions
        assert answers
        questions.write(json.dumps(question) + "\n")
        questions.flush()
        line = answers.readline()
        if not line:
            raise MarketError("The compiler has ended.")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _raise_errors(answer: dict[str, Any]) -> None:
    errors = [error for error in answer.get("errors", []) if error["severity"] == "error"]
    if errors:
        # What the language forbids is told in other ways; a stack too deep depends on the settings.
        limits = {
            "CodeGenerationError",
            "CompilerError",
            "YulException",
            "UnimplementedFeatureError",
        }
        is_limit = all(error["type"] in limits for error in errors)
        raise NoCodeError(errors[0]["formattedMessage"], is_limit)
