# SPDX-License-Identifier: Apache-2.0
"""The verifier as one file for a machine without the product. Never contains logic: it puts the parts together."""

from __future__ import annotations

import re
from pathlib import Path

PARTS = ("merkle", "record", "notes", "checking", "bundle")
"""In the order in which they need each other; none may import anything else of the product."""

_HEAD = '''# SPDX-License-Identifier: Apache-2.0
"""The verifier of dlpmilter's trail in one file: Python 3.11 or newer and `cryptography`, nothing of the product.

    python verify_trail.py EXPORT.zip --key "NAME+ID+KEY" --checkpoint KEPT-ELSEWHERE.txt
    python verify_trail.py --proof PROOF.json --key "NAME+ID+KEY"

Written by `dlpmilter audit verifier`. Take it from a release you trust, never from who is checked with it.
"""

from __future__ import annotations

'''
_TAIL = """

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
_OURS = re.compile(r"^from dlpmilter\.audit\.\w+ import (?:\([^)]*\)|[^\n]*)\n", re.MULTILINE)
_THEIRS = re.compile(r"^(?:import [^\n]+|from (?!__future__|dlpmilter)\S+ import (?:\([^)]*\)|[^\n]*))\n", re.MULTILINE)
_DOC = re.compile(r'\A# SPDX[^\n]*\n""".*?"""\n', re.DOTALL)


def single_file() -> str:
    """The text of the file."""
    imports: set[str] = set()
    bodies = []
    for part in PARTS:
        source = Path(__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
        code = _OURS.sub("", _DOC.sub("", source)).replace("from __future__ import annotations\n", "")
        top, mark, rest = code.partition("\n\n\n")
        imports |= set(_THEIRS.findall(top))
        bodies.append(_THEIRS.sub("", top).strip() + mark + rest.strip())
    return f"{_HEAD}{''.join(sorted(imports))}\n" + "\n\n\n".join(bodies) + "\n" + _TAIL
