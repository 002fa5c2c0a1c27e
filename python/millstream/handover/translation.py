"""A program as the peer's client can run it: its imports, our spellings of the peer's names, and what is
refused.

Works on the tree of a program and keeps every place in it, so that the lines in tracebacks are those of the
user's file. Answers for names whose owner is known. What is not known before it runs (`pending`) is for the
driver to provide (`aliases`), or fails in the driver as any wrong name does.
Holds: what is renamed means the same there; a refusal has file and line.
"""

from __future__ import annotations

import ast
from typing import Any, List, NamedTuple, Optional, Set, Tuple, Union

from millstream.handover import names
from millstream.handover.client import PEERS, Peer
from millstream.handover.inference import Binder, Scope
from millstream.handover.names import Class, Instance, Module
from millstream.handover.refusal import at_line

_GUARDS = {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"}


class Translation(NamedTuple):
    """What became of a program."""

    tree: ast.Module
    #: One text for each name that cannot be handed over.
    refusals: List[str]
    #: Names and parameters whose owner is not known.
    pending: Set[str]
    #: The modules that the program imports from elsewhere than the peer, with the number of leading dots.
    imports: List[Tuple[str, int]]


def translate(source: str, path: str, peer: Peer, version: str) -> Translation:
    """The program of a file. Raises `SyntaxError` if it is none."""
    tree = ast.parse(source, path)
    imports = _Imports(path, source, peer, version)
    imports.visit(tree)
    uses = _Uses(path, source, peer, version, Binder(tree, peer.theirs))
    uses.visit(tree)
    ast.fix_missing_locations(tree)
    refusals = imports.refusals + uses.refusals
    return Translation(tree, [text for _, text in sorted(refusals)], uses.pending, imports.others)


class _Reader(ast.NodeTransformer):
    """What both passes share: how a refusal is noted, and where none is: behind the program's own guard."""

    def __init__(self, path: str, source: str, peer: Peer, version: str) -> None:
        self.path = path
        self.lines = source.splitlines()
        self.peer = peer
        self.title = f"{peer.title} {version}"
        self.refusals: List[Tuple[int, str]] = []
        self.guards = 0

    def refuse(self, node: Union[ast.stmt, ast.expr, ast.keyword], what: str) -> None:
        if not self.guards:
            line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else None
            self.refusals.append((node.lineno, at_line(self.path, node.lineno, what, line)))

    def visit_Try(self, node: Any) -> Any:
        caught = {
            name.id
            for handler in node.handlers
            for name in (ast.walk(handler.type) if handler.type else [ast.Name("Exception", ast.Load())])
            if isinstance(name, ast.Name)
        }
        guarded = bool(caught & _GUARDS)
        self.guards += guarded
        node.body = [self.visit(part) for part in node.body]
        self.guards -= guarded
        for parts in (node.handlers, node.orelse, node.finalbody):
            parts[:] = [self.visit(part) for part in parts]
        return node

    visit_TryStar = visit_Try


class _Imports(_Reader):
    """Turns our modules into the peer's."""

    def __init__(self, path: str, source: str, peer: Peer, version: str) -> None:
        super().__init__(path, source, peer, version)
        self.others: List[Tuple[str, int]] = []

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            alias.name = self._theirs(node, alias.name)
            if self._is_theirs(alias.name):
                self._module(node, alias.name)
            else:
                self.others.append((alias.name, 0))
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.level == 0 and node.module == "millstream":
            return self._from_the_root(node)
        named = node.module or ""
        if node.level == 0:
            node.module = named = self._theirs(node, named)
        if node.level or not self._is_theirs(named):
            self.others.append((named, node.level))
            self.others.extend((f"{named}.{alias.name}".lstrip("."), node.level) for alias in node.names)
            return node
        if self._module(node, named):
            for alias in node.names:
                if alias.name != "*":
                    self._name(node, named, alias.name)
        return node

    def _from_the_root(self, node: ast.ImportFrom) -> ast.AST:
        """`from millstream import flink` is `import pyflink as flink`."""
        for alias in node.names:
            whole = f"millstream.{alias.name}"
            if whole != self.peer.ours:
                self._theirs(node, whole)
                return node
        renamed = [ast.alias(self.peer.theirs, alias.asname or alias.name) for alias in node.names]
        return ast.copy_location(ast.Import(renamed), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" == self.peer.ours:
            return ast.copy_location(ast.Name(self.peer.theirs, ast.Load()), node)
        return self.generic_visit(node)

    def _is_theirs(self, name: str) -> bool:
        return name.split(".")[0] == self.peer.theirs

    def _theirs(self, node: ast.stmt, name: str) -> str:
        """The peer's name of a module; refused if only we have it."""
        if name == self.peer.ours or name.startswith(self.peer.ours + "."):
            return self.peer.theirs + name[len(self.peer.ours) :]
        if name.split(".")[0] != "millstream":
            return name
        for other in PEERS.values():
            if name == other.ours or name.startswith(other.ours + "."):
                self.refuse(
                    node, f"`{name}` is for {other.title}, but the program is handed to {self.peer.title}"
                )
                return name
        self.refuse(node, f"`{name}` is Millstream's own: {self.title} has no counterpart")
        return name

    def _module(self, node: ast.stmt, name: str) -> bool:
        try:
            found = names.module(name)
        except Exception:
            # It is there, and what hinders its import is said when the program imports it.
            return False
        if found is None:
            self.refuse(node, f"{self.title} has no module `{name}`")
        return found is not None

    def _name(self, node: ast.stmt, module: str, name: str) -> None:
        found = names.module(module)
        if found is None or names.member(Module(found), name) is not names.MISSING:
            return
        near = names.near(name, names.names_of(Module(found)))
        self.refuse(node, f"`{module}` of {self.title} has no name `{name}`{_suggested(near)}")


class _Uses(_Reader):
    """Gives the peer's names to attributes and arguments that are spelled in our way."""

    def __init__(self, path: str, source: str, peer: Peer, version: str, binder: Binder) -> None:
        super().__init__(path, source, peer, version)
        self.scopes = binder.scopes
        self.here: Optional[Scope] = None
        self.pending: Set[str] = set()
        self.stored = {
            node.attr
            for scope in list(binder.scopes)[:1]
            for node in ast.walk(scope)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }

    def visit(self, node: ast.AST) -> ast.AST:
        before = self.here
        self.here = self.scopes.get(node, before)
        try:
            visited: ast.AST = super().visit(node)
            return visited
        finally:
            self.here = before

    def _scope(self) -> Scope:
        assert self.here is not None
        return self.here

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        owner = self._scope().known(node.value)
        self.generic_visit(node)
        if not isinstance(owner, (Module, Class, Instance)):
            self.pending.add(node.attr)
            return node
        if node.attr in self.stored or names.member(owner, node.attr) is not names.MISSING:
            return node
        there = names.names_of(owner)
        real = names.meant(node.attr, there)
        if real is not None:
            node.attr = real
            return node
        of = owner.type if isinstance(owner, Instance) else owner.value
        near = names.near(node.attr, there)
        self.refuse(node, f"`{of.__name__}` of {self.title} has no name `{node.attr}`{_suggested(near)}")
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        scope = self._scope()
        if self.peer.engine == "flink" and isinstance(node.func, ast.Name) and node.func.id == "print":
            # In Flink's worker `print` is another function, which has no such parameter and flushes always.
            if not scope.is_bound("print"):
                node.keywords = [keyword for keyword in node.keywords if keyword.arg != "flush"]
        called = scope.known(node.func)
        possible = names.parameters(called)
        for keyword in node.keywords:
            if keyword.arg is None or (possible is not None and keyword.arg in possible):
                continue
            if possible is None:
                self.pending.add(keyword.arg)
                continue
            real = names.meant(keyword.arg, possible)
            if real is not None:
                keyword.arg = real
            else:
                named = getattr(getattr(called, "value", None), "__name__", "the function")
                near = names.near(keyword.arg, possible)
                self.refuse(
                    node, f"`{named}` of {self.title} has no argument `{keyword.arg}`{_suggested(near)}"
                )
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        # `getattr(stream, "flat_map")`
        if isinstance(node.value, str) and node.value.isidentifier():
            self.pending.add(node.value)
        return node


def _suggested(near: List[str]) -> str:
    return f"; there is {' and '.join(f'`{name}`' for name in near)}" if near else ""
