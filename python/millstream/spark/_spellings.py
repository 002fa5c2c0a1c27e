"""What type checkers see of the PEP 8 spellings is in the stub beside this; the spellings are made by
`_names.pep8`.
"""

from __future__ import annotations


def __getattr__(name: str) -> type:
    if name.startswith("Of"):
        return type(name, (), {})
    raise AttributeError(name)
