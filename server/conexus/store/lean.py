"""Loading LanceDB without its client of a remote service, which takes half of the time and which nothing here uses.

The client's methods and messages are made one by one while its modules load, 0.6 s of CPU in all. Stand-ins take the place of
these modules: they have whatever is asked of them, and none of it can be used.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

from conexus.machine import cores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_CLIENT = "lance_namespace_urllib3_client"
_PACKAGES = (f"{_CLIENT}.api", f"{_CLIENT}.models")
_MODULES = tuple(f"{_CLIENT}.{name}" for name in ("api_client", "configuration", "exceptions", "rest"))


def load_lancedb() -> Any:
    """Return the module `lancedb`, loaded on the first call."""
    # All are read when the library loads; a value the user set stays.
    os.environ.setdefault("LANCEDB_LOG", "error")
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    # It leaves two cores alone, and of two or three it would use one: the search by words would wait for the other.
    os.environ.setdefault("LANCE_CPU_THREADS", str(max(2, cores() - 2)))
    finder = _StandIns()
    sys.meta_path.insert(0, finder)
    try:
        import lancedb
    finally:
        sys.meta_path.remove(finder)
    return lancedb


class _StandIns:
    """Finds stand-ins for the modules of the client, and loads them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module of the client is loaded, None for any other."""
        del path, target
        if (
            fullname not in _MODULES
            and fullname not in _PACKAGES
            and fullname.rpartition(".")[0] not in _PACKAGES
        ):
            return None
        # A loader by its methods: the base class takes 40 ms to load.
        return ModuleSpec(fullname, self, is_package=fullname in _PACKAGES)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the usual kind of module be made."""

    def exec_module(self, module: ModuleType) -> None:
        """Let the module have whatever is asked of it."""

        def stand_in(name: str) -> type:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (_Unused,), {"__module__": module.__name__})

        module.__getattr__ = stand_in  # type: ignore[method-assign] # PEP 562: what is asked of a module


class _Unused:
    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} is of LanceDB's remote client, which Conexus does not load"
        )
