"""Which expressions of a program are known to be objects of the peer.

Follows assignments, imports, annotations and calls. Answers `None` wherever a value could also be something
else: a parameter without annotation, a name that is bound twice to different things, whatever comes out of a
container. Holds: it runs nothing of the program.
"""

from __future__ import annotations

import ast
import sys
from types import ModuleType
from typing import Dict, List, Optional, Set

from millstream.handover import names
from millstream.handover.names import Class, Instance, Known, Module

_OPAQUE = ast.Pass()


class Annotated(ast.AST):
    """In the place of an expression: a value of which its annotation is known."""

    def __init__(self, annotation: Optional[ast.AST]) -> None:
        self.annotation = annotation


class Entered(ast.AST):
    """In the place of an expression: what `with` gives for its expression."""

    def __init__(self, value: ast.AST) -> None:
        self.value = value


class Scope:
    """The names that a module, a function or a class binds, and the expressions they are bound to."""

    def __init__(self, node: ast.AST, outer: Optional["Scope"], package: str) -> None:
        self.node = node
        self.outer = outer
        self.package = package
        self.bound: Dict[str, List[ast.AST]] = {}
        self.imported: Dict[str, Known] = {}
        self._resolving: Set[str] = set()

    def lookup(self, name: str) -> Known:
        """What a name is known to be, seen from here."""
        if name in self.bound:
            return self._resolved(name)
        if name in self.imported:
            return self.imported[name]
        outer = self.outer
        # The names of a class body are not seen from its methods.
        while outer is not None and isinstance(outer.node, ast.ClassDef):
            outer = outer.outer
        return outer.lookup(name) if outer is not None else None

    def is_bound(self, name: str) -> bool:
        """True if the program binds the name somewhere that is seen from here."""
        if name in self.bound or name in self.imported:
            return True
        return self.outer is not None and self.outer.is_bound(name)

    def _resolved(self, name: str) -> Known:
        if name in self._resolving or name in self.imported:
            return None
        self._resolving.add(name)
        try:
            known = [self.known(node) for node in self.bound[name]]
        finally:
            self._resolving.discard(name)
        return known[0] if all(one == known[0] for one in known) else None

    def known(self, node: ast.AST) -> Known:
        """What an expression is known to be."""
        if isinstance(node, ast.Name):
            return self.lookup(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.known(node.value)
            if not isinstance(owner, (Module, Class, Instance)):
                return None
            found = names.attribute(owner, node.attr, self.package)
            if found is None and names.member(owner, node.attr) is names.MISSING:
                real = names.meant(node.attr, names.names_of(owner))
                return names.attribute(owner, real, self.package) if real else None
            return found
        if isinstance(node, ast.Call):
            return names.result_of(self.known(node.func), self.package)
        if isinstance(node, ast.NamedExpr):
            return self.known(node.value)
        if isinstance(node, Annotated):
            return self.annotated(node.annotation)
        if isinstance(node, Entered):
            value = self.known(node.value)
            entered = (
                names.attribute(value, "__enter__", self.package) if isinstance(value, Instance) else None
            )
            return names.result_of(entered, self.package)
        return None

    def annotated(self, node: Optional[ast.AST]) -> Known:
        """What a value with this annotation is known to be."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(node, ast.Subscript):
            node = node.value
        known = self.known(node) if node is not None else None
        return Instance(known.value) if isinstance(known, Class) else None


class Binder(ast.NodeVisitor):
    """Makes the scopes of a tree, by the node that opens each."""

    def __init__(self, tree: ast.AST, package: str) -> None:
        self.package = package
        self.scopes: Dict[ast.AST, Scope] = {}
        self.here: Scope = Scope(tree, None, package)
        self.scopes[tree] = self.here
        self.generic_visit(tree)

    def _bind(self, name: str, value: ast.AST) -> None:
        self.here.bound.setdefault(name, []).append(value)

    def _target(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._target(part, _OPAQUE)
        elif isinstance(target, ast.Starred):
            self._target(target.value, _OPAQUE)

    def _inside(self, node: ast.AST, names_bound: Dict[str, ast.AST]) -> None:
        before = self.here
        self.here = self.scopes[node] = Scope(node, before, self.package)
        for name, value in names_bound.items():
            self._bind(name, value)
        self.generic_visit(node)
        self.here = before

    def _function(self, node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda") -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        bound: Dict[str, ast.AST] = {one.arg: Annotated(one.annotation) for one in every}
        for one in (arguments.vararg, arguments.kwarg):
            if one is not None:
                bound[one.arg] = _OPAQUE
        self._inside(node, bound)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._bind(node.name, _OPAQUE)
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._bind(node.name, _OPAQUE)
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name, _OPAQUE)
        self._inside(node, {})

    def visit_comprehension_scope(self, node: ast.AST) -> None:
        self._inside(node, {})

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_scope

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._target(node.target, _OPAQUE)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._target(node.target, Annotated(node.annotation) if node.value is None else node.value)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._target(node.target, _OPAQUE)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._target(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._target(node.target, _OPAQUE)
        self.generic_visit(node)

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._target(node.optional_vars, Entered(node.context_expr))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name, _OPAQUE)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.AST) -> None:
        if getattr(node, "name", None):
            self._bind(getattr(node, "name"), _OPAQUE)
        self.generic_visit(node)

    def visit_Global(self, node: "ast.Global | ast.Nonlocal") -> None:
        # Bound in two places: not followed.
        scope: Optional[Scope] = self.here
        while scope is not None:
            for name in node.names:
                scope.bound.setdefault(name, []).append(_OPAQUE)
            scope = scope.outer

    visit_Nonlocal = visit_Global

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.split(".")[0]
            found = _imported(alias.name) if first == self.package else None
            if found is None:
                self._bind(alias.asname or first, _OPAQUE)
            else:
                known = Module(found if alias.asname else sys.modules[first])
                self.here.imported[alias.asname or first] = known

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        named = node.module or ""
        inside = node.level == 0 and named.split(".")[0] == self.package
        found = _imported(named) if inside else None
        for alias in node.names:
            if found is None:
                self._bind(alias.asname or alias.name, _OPAQUE)
            elif alias.name == "*":
                for name in getattr(found, "__all__", names.names_of(Module(found))):
                    self.here.imported[name] = names.attribute(Module(found), name, self.package)
            else:
                known = names.attribute(Module(found), alias.name, self.package)
                self.here.imported[alias.asname or alias.name] = known


def _imported(name: str) -> Optional[ModuleType]:
    """A module of the peer; one that lacks something it needs is not known, and says so in the driver."""
    try:
        return names.module(name)
    except Exception:
        return None
