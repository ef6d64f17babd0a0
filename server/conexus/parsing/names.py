"""How each grammar spells the name of a definition: one small function for every odd way.

A finder takes a node and the source and returns the names the node defines, most often one. Finding
none means the node is no definition after all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tree_sitter import Node


class Name(NamedTuple):
    """A name that a node defines. A tuple, because a file has thousands and they live for a moment."""

    text: str
    at: int
    """Byte offset of the name."""
    owner: str = ""
    """Dotted containers that the name itself carries: a receiver, ``A::`` in ``A::b``."""
    kind: str = ""
    """Kind of the definition, where it is not the rule's."""


NameFinder = Callable[["Node", bytes], list[Name]]

_LONGEST = 120
_JS_FUNCTIONS = {"arrow_function", "function_expression", "generator_function", "function"}
_JS_TEST = re.compile(r"(?:describe|it|test|suite|context)(?:\.(?:only|skip|concurrent|serial))?")
_JS_GLOBALS = {"module", "exports", "window", "global", "globalThis", "self", "this", "prototype"}
_C_TESTS = {"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "BOOST_AUTO_TEST_CASE", "TEST_CASE"}
_C_KINDS = {
    "struct_specifier": "struct",
    "union_specifier": "struct",
    "class_specifier": "class",
    "enum_specifier": "enum",
}
_RUST_TYPE = re.compile(r"[&\s]*(?:'\w+\s+)?(?:mut\s+)?(?:dyn\s+)?(?:\w+::)*(\w+)")
_GO_RECEIVER = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)$")
_RUBY_TEST = {"describe", "context", "it", "specify", "feature", "scenario", "test"}
_ELIXIR_KINDS = {
    "defmodule": "module",
    "defprotocol": "interface",
    "defimpl": "impl",
    "def": "function",
    "defp": "function",
    "defdelegate": "function",
    "defguard": "function",
    "defguardp": "function",
    "defmacro": "macro",
    "defmacrop": "macro",
    "test": "test",
    "describe": "test",
    "property": "test",
}
_ELIXIR_HEAD = re.compile(r"\w+[\s(]+(?:unquote\()?([\w.]+[?!]?)")
_ELIXIR_ATTRIBUTE = re.compile(r"@(type|typep|opaque|callback|macrocallback)\s+(\w+[?!]?)|@([a-z_]\w*)\s+\S")
_ELIXIR_RESERVED = {
    "moduledoc", "doc", "spec", "behaviour", "impl", "derive", "enforce_keys", "before_compile", "after_compile",
    "on_load", "compile", "dialyzer", "external_resource", "optional_callbacks", "shortdoc",
}  # fmt: skip
_ZIG_KINDS = {
    "struct_declaration": "struct",
    "union_declaration": "struct",
    "enum_declaration": "enum",
    "error_set_declaration": "enum",
    "opaque_declaration": "struct",
}
_PHP_DEFINE = re.compile(rb"\\?define\(\s*['\"](\w+)['\"]")


def by_field(node: Node, source: bytes) -> list[Name]:
    """Find the name in the node's field ``name``."""
    return _named(node.child_by_field_name("name"), source)


def dotted(node: Node, source: bytes) -> list[Name]:
    """Find a qualified name (``A::B``) and make it dotted."""
    name = node.child_by_field_name("name")
    return [_split(_text(name, source).strip("'\""), name.start_byte)] if name else []


def every_name(node: Node, source: bytes) -> list[Name]:
    """Find all names of a node that may define several at once."""
    return [Name(_text(name, source), name.start_byte) for name in node.children_by_field_name("name")]


def first_name(node: Node, source: bytes) -> list[Name]:
    """Find the first of several fields ``name``: where types are fields of that name too."""
    return every_name(node, source)[:1]


def first_child(node: Node, source: bytes) -> list[Name]:
    """Find the name in the first named child that is an identifier."""
    return _named(_child(node, "identifier"), source)


def fixed(name: str) -> NameFinder:
    """Return a finder for definitions named by their keyword (``init``)."""
    return lambda node, _: [Name(name, node.start_byte)]


def declarators(node: Node, source: bytes) -> list[Name]:
    """Find the names of Java fields."""
    found = [d.child_by_field_name("name") for d in node.children_by_field_name("declarator")]
    return [Name(_text(n, source), n.start_byte, kind=_constant(_text(n, source))) for n in found if n]


def with_body(node: Node, source: bytes) -> list[Name]:
    """Find the name of a C type that is defined here and not only mentioned."""
    return dotted(node, source) if node.child_by_field_name("body") else []


def namespace_with_body(node: Node, source: bytes) -> list[Name]:
    """Find the name of a namespace that encloses its members; one for the whole file adds nothing."""
    if not node.child_by_field_name("body"):
        return []
    return [Name(n.text.replace("\\", "."), n.at) for n in by_field(node, source)]


def python_assignment(node: Node, source: bytes) -> list[Name]:
    """Find the variables an assignment statement binds."""
    assignment = _first(node)
    if assignment is None or assignment.type != "assignment":
        return []
    left = assignment.child_by_field_name("left")
    if left is None:
        return []
    if left.type == "identifier":
        return [_value(left, source)]
    if left.type != "pattern_list":
        return []
    return [_value(target, source) for target in left.named_children if target.type == "identifier"]


def python_alias(node: Node, source: bytes) -> list[Name]:
    """Find the name of a ``type X[T] = ...`` statement."""
    left = node.child_by_field_name("left")
    return [Name(_text(left, source).partition("[")[0], left.start_byte)] if left else []


def javascript_variables(node: Node, source: bytes) -> list[Name]:
    """Find variables, and functions and classes held in variables; imports by ``require`` are left out."""
    names = []
    for declarator in node.named_children:
        name = declarator.child_by_field_name("name")
        if name is None or name.type != "identifier":
            continue
        value = declarator.child_by_field_name("value")
        if value is not None and source.startswith(b"require(", value.start_byte):
            continue
        text = _text(name, source)
        names.append(Name(text, name.start_byte, kind=_javascript_kind(value) or _constant(text)))
    return names


def javascript_member(node: Node, source: bytes) -> list[Name]:
    """Find the name of a class or object member; one that holds a function is a method."""
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is None:
        return []
    kind = "method" if _javascript_kind(node.child_by_field_name("value")) == "function" else ""
    return [Name(_text(name, source).strip("'\""), name.start_byte, kind=kind)]


def javascript_pair(node: Node, source: bytes) -> list[Name]:
    """Find the key of a function or object inside an object literal."""
    key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    if key is None or value is None:
        return []
    kind = _javascript_kind(value)
    if not kind and value.type != "object":
        return []
    text = _text(key, source).strip("'\"")
    return [Name(text, key.start_byte, kind="method" if kind == "function" else kind)]


def javascript_class_expression(node: Node, source: bytes) -> list[Name]:
    """Find the name of a class expression, unless the variable it is assigned to names it."""
    parent = node.parent
    if parent is not None and parent.type in {"variable_declarator", "assignment_expression"}:
        return []
    return by_field(node, source)


def javascript_expression(node: Node, source: bytes) -> list[Name]:
    """Find ``exports.x =``, ``X.prototype.y = function`` and the titles of tests."""
    expression = _first(node)
    if expression is None:
        return []
    if expression.type == "assignment_expression":
        return _javascript_assignment(expression, source)
    if expression.type == "call_expression":
        return _javascript_test(expression, source)
    return []


def _javascript_assignment(node: Node, source: bytes) -> list[Name]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or left.end_byte - left.start_byte > _LONGEST:
        return []
    text = _text(left, source)
    kind = _javascript_kind(right)
    if not kind and not text.startswith(("exports.", "module.exports.")):
        return []
    if not re.fullmatch(r"[\w$.#]+", text):
        return []
    parts = [part for part in text.split(".") if part not in _JS_GLOBALS]
    if not parts:
        return by_field(right, source) if kind else []
    at = left.end_byte - len(parts[-1].encode())
    return [Name(parts[-1], at, owner=".".join(parts[:-1]), kind=kind)]


def _javascript_test(node: Node, source: bytes) -> list[Name]:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None or function.end_byte - function.start_byte > 20:
        return []
    title = _first(arguments)
    if title is None or title.type not in {"string", "template_string"}:
        return []
    if not _JS_TEST.fullmatch(_text(function, source)):
        return []
    return [_title(title, source)]


def _javascript_kind(value: Node | None) -> str:
    if value is None:
        return ""
    if value.type in _JS_FUNCTIONS:
        return "function"
    return "class" if value.type == "class" else ""


def keyword_class(node: Node, source: bytes) -> list[Name]:
    """Find a Kotlin class, and from its keyword whether it is an interface or an enum."""
    found = by_field(node, source)
    if not found:
        return []
    words = source[node.start_byte : found[0].at].split()[-3:]
    kind = "interface" if b"interface" in words else "enum" if b"enum" in words else ""
    return [Name(found[0].text, found[0].at, kind=kind)]


def kotlin_property(node: Node, source: bytes) -> list[Name]:
    """Find the variable of a Kotlin property."""
    variable = _child(node, "variable_declaration")
    name = _child(variable, "identifier") if variable else None
    return [_value(name, source)] if name else []


def kotlin_alias(node: Node, source: bytes) -> list[Name]:
    """Find the name of a Kotlin type alias, which the grammar calls its type."""
    return _named(node.child_by_field_name("type"), source)


def swift_class(node: Node, source: bytes) -> list[Name]:
    """Find a Swift class, struct, enum, actor or extension: one node type, told apart by the keyword."""
    found = first_name(node, source)
    if not found:
        return []
    words = source[node.start_byte : found[0].at].split()
    keyword = words[-1].decode("ascii", "replace") if words else ""
    kind = keyword if keyword in {"struct", "enum", "extension"} else "class"
    return [Name(found[0].text.partition("<")[0], found[0].at, kind=kind)]


def swift_property(node: Node, source: bytes) -> list[Name]:
    """Find the variables of a Swift property."""
    bound = [n.child_by_field_name("bound_identifier") for n in node.children_by_field_name("name")]
    return [_value(name, source) for name in bound if name]


def scala_value(node: Node, source: bytes) -> list[Name]:
    """Find the name of a Scala ``val`` or ``var``."""
    name = node.child_by_field_name("pattern") or node.child_by_field_name("name")
    return [_value(name, source)] if name is not None and name.type == "identifier" else []


def package_with_body(node: Node, source: bytes) -> list[Name]:
    """Find a Scala package that encloses its members; one for the whole file adds nothing."""
    return by_field(node, source) if node.child_by_field_name("body") else []


def go_method(node: Node, source: bytes) -> list[Name]:
    """Find a Go method, owned by the type of its receiver."""
    receiver = node.child_by_field_name("receiver")
    found = _GO_RECEIVER.search(_text(receiver, source)) if receiver else None
    owner = found[1] if found else ""
    return [Name(name.text, name.at, owner=owner) for name in by_field(node, source)]


def go_type(node: Node, source: bytes) -> list[Name]:
    """Find a Go type, and whether it is a struct or an interface."""
    value = node.child_by_field_name("type")
    kind = {"struct_type": "struct", "interface_type": "interface"}.get(value.type, "") if value else ""
    return [Name(name.text, name.at, kind=kind) for name in by_field(node, source)]


def rust_impl(node: Node, source: bytes) -> list[Name]:
    """Find the type an ``impl`` block is for."""
    target = node.child_by_field_name("type")
    found = _RUST_TYPE.match(_text(target, source)) if target else None
    return [Name(found[1], target.start_byte)] if found and target else []


def c_function(node: Node, source: bytes) -> list[Name]:
    """Find a C or C++ function; ``A::b`` is owned by A, and a test macro is named by its arguments."""
    name, function, _ = _declared(node.child_by_field_name("declarator"))
    if name is None:
        return []
    text = _text(name, source)
    if text in _C_TESTS and function is not None:
        arguments = source[name.end_byte + 1 : function.end_byte - 1].decode("utf-8", "replace")
        return [
            Name(
                ".".join(part.strip(" \"'\n") for part in arguments.split(",")), name.start_byte, kind="test"
            )
        ]
    return [_split(text, name.start_byte)]


def c_declaration(node: Node, source: bytes) -> list[Name]:
    """Find all that a declaration names: variables, prototypes, typedefs, and the type it defines."""
    names = []
    body = c_body(node)
    tag = body[0].parent if body else None
    kind = _C_KINDS.get(tag.type, "") if tag else ""
    for declarator in node.children_by_field_name("declarator"):
        name, function, pointer = _declared(declarator)
        if name is None:
            continue
        if node.type == "type_definition":
            found = Name(_text(name, source), name.start_byte, kind=kind)
        else:
            prototype = "function" if function is not None and not pointer else ""
            found = _split(_text(name, source), name.start_byte, prototype)
        names.append(found)
    tags = dotted(tag, source) if tag else []
    names += [Name(t.text, t.at, kind=kind) for t in tags if t.text not in {n.text for n in names}]
    return names


def c_body(node: Node) -> list[Node]:
    """Return the body of the type that a declaration defines in passing (``typedef struct {...} T``)."""
    declared = node.child_by_field_name("type")
    body = declared.child_by_field_name("body") if declared else None
    return [body] if body else []


def _declared(node: Node | None) -> tuple[Node | None, Node | None, bool]:
    """Unwrap a C declarator; return its name, the function declarator met, and whether it is a pointer to it."""
    function, pointer = None, False
    while node is not None:
        inner = node.child_by_field_name("declarator")
        if inner is None and node.type in {
            "parenthesized_declarator",
            "reference_declarator",
            "attributed_declarator",
        }:
            pointer = pointer or (function is not None and node.type == "parenthesized_declarator")
            inner = _first(node)
        if inner is None:
            break
        if node.type == "function_declarator":
            function = node
        node = inner
    return node, function, pointer


def csharp_field(node: Node, source: bytes) -> list[Name]:
    """Find the variables of a C# field or event."""
    declaration = _child(node, "variable_declaration")
    if declaration is None:
        return []
    found = [
        v.child_by_field_name("name") for v in declaration.named_children if v.type == "variable_declarator"
    ]
    return [Name(_text(name, source), name.start_byte) for name in found if name]


def csharp_operator(node: Node, source: bytes) -> list[Name]:
    """Find an operator (``operator +``)."""
    symbol = node.child_by_field_name("operator")
    return [Name(f"operator {_text(symbol, source)}", symbol.start_byte)] if symbol else []


def ruby_constant(node: Node, source: bytes) -> list[Name]:
    """Find the constant a Ruby assignment sets."""
    left = node.child_by_field_name("left")
    return _named(left, source) if left is not None and left.type == "constant" else []


def ruby_call(node: Node, source: bytes) -> list[Name]:
    """Find the title of a test (``it "..." do``)."""
    method, arguments = node.child_by_field_name("method"), node.child_by_field_name("arguments")
    if method is None or arguments is None or node.child_by_field_name("block") is None:
        return []
    title = _first(arguments)
    return [_title(title, source)] if title is not None and _text(method, source) in _RUBY_TEST else []


def php_constants(node: Node, source: bytes) -> list[Name]:
    """Find the constants of a PHP ``const``."""
    found = [_child(element, "name") for element in node.named_children if element.type == "const_element"]
    return [Name(_text(name, source), name.start_byte) for name in found if name]


def php_properties(node: Node, source: bytes) -> list[Name]:
    """Find PHP properties, without their dollar sign."""
    found = [e.child_by_field_name("name") for e in node.named_children if e.type == "property_element"]
    return [Name(_text(name, source).lstrip("$"), name.start_byte) for name in found if name]


def php_define(node: Node, source: bytes) -> list[Name]:
    """Find the constant of a ``define('X', ...)``."""
    found = _PHP_DEFINE.match(source, node.start_byte, node.end_byte)
    return [Name(found[1].decode(), found.start(1))] if found else []


def lua_function(node: Node, source: bytes) -> list[Name]:
    """Find a Lua function; ``M.f`` and ``M:f`` are owned by M."""
    name = node.child_by_field_name("name")
    return [_split(_text(name, source).replace(":", "."), name.start_byte)] if name else []


def lua_assignment(node: Node, source: bytes) -> list[Name]:
    """Find what a Lua assignment sets; modules brought in by ``require`` are left out."""
    assignment = node if node.type == "assignment_statement" else _first(node)
    targets = _child(assignment, "variable_list") if assignment else None
    values = _child(assignment, "expression_list") if assignment else None
    target = _first(targets) if targets else None
    if target is None or target.type not in {"identifier", "dot_index_expression"}:
        return []
    value = _first(values) if values else None
    if value is not None and source.startswith(b"require", value.start_byte):
        return []
    function = value is not None and value.type == "function_definition"
    text = _text(target, source)
    return [_split(text, target.start_byte, "function" if function else _constant(text.rpartition(".")[2]))]


def bash_variable(node: Node, source: bytes) -> list[Name]:
    """Find the variable of a Bash assignment."""
    name = node.child_by_field_name("name")
    return [_value(name, source)] if name is not None and name.type == "variable_name" else []


def bash_declaration(node: Node, source: bytes) -> list[Name]:
    """Find the variables of ``readonly A=1``."""
    return [
        n for v in node.named_children if v.type == "variable_assignment" for n in bash_variable(v, source)
    ]


def elixir_call(node: Node, source: bytes) -> list[Name]:
    """Find a module, function, macro, protocol or test: in Elixir all of them are calls."""
    target = node.child_by_field_name("target")
    if target is None or target.type != "identifier":
        return []
    word = _text(target, source)
    arguments = _child(node, "arguments")
    kind = _ELIXIR_KINDS.get(word)
    first = _first(arguments) if arguments else None
    if not kind or arguments is None or first is None:
        return []
    if kind == "test":
        return [_title(first, source)] if first.type == "string" else []
    return _elixir_definition(node, first, kind, source)


def _elixir_definition(node: Node, first: Node, kind: str, source: bytes) -> list[Name]:
    if kind == "impl":
        target = re.search(rb"\bfor:\s*([\w.]+)", source[first.end_byte : first.end_byte + _LONGEST])
        return [Name(target[1].decode() if target else _text(first, source), first.start_byte, kind=kind)]
    operator = first.child_by_field_name("operator") if first.type == "binary_operator" else None
    # `def add(a, b) when ...` is an operator to the grammar, as `def a + b` is.
    if operator is not None and _text(operator, source) != "when":
        return [Name(_text(operator, source), operator.start_byte, kind=kind)]
    found = _ELIXIR_HEAD.match(
        source[node.start_byte : first.start_byte + _LONGEST].decode("utf-8", "replace")
    )
    return [_split(found[1], first.start_byte, kind)] if found else []


def elixir_attribute(node: Node, source: bytes) -> list[Name]:
    """Find a type, a callback or a constant that a module attribute defines."""
    head = source[node.start_byte : node.start_byte + _LONGEST].decode("utf-8", "replace")
    found = _ELIXIR_ATTRIBUTE.match(head)
    if not found:
        return []
    at = node.start_byte + 1
    if found[1]:
        return [Name(found[2], at, kind="type" if found[1] in {"type", "typep", "opaque"} else "function")]
    return [] if found[3] in _ELIXIR_RESERVED else [Name(found[3], at)]


def haskell_name(node: Node, source: bytes) -> list[Name]:
    """Find the name of a Haskell type or class."""
    return by_field(node, source)


def haskell_function(node: Node, source: bytes) -> list[Name]:
    """Find the name of a signature or an equation, infix or not."""
    name = node.child_by_field_name("name")
    if name is None:
        infix = _child(node, "infix")
        name = infix.child_by_field_name("operator") if infix else None
    return [Name(_text(name, source).strip("()`"), name.start_byte)] if name else []


def haskell_instance(node: Node, source: bytes) -> list[Name]:
    """Find the type that an instance is for."""
    patterns = node.child_by_field_name("patterns")
    found = re.search(r"[A-Z]\w*", _text(patterns, source)) if patterns else None
    return [Name(found[0], patterns.start_byte)] if found and patterns else by_field(node, source)


def haskell_module(node: Node, source: bytes) -> list[Name]:
    """Find the name in a Haskell module header."""
    return _named(node.child_by_field_name("module"), source)


def zig_variable(node: Node, source: bytes) -> list[Name]:
    """Find a Zig constant, and whether it is a type; imports are left out."""
    parts = node.named_children
    if not parts or parts[0].type != "identifier":
        return []
    if source.startswith(b"@import", parts[-1].start_byte):
        return []
    keywords = source[node.start_byte : parts[0].start_byte].split()
    kind = _ZIG_KINDS.get(parts[-1].type, "constant" if b"const" in keywords else "")
    return [Name(_text(parts[0], source), parts[0].start_byte, kind=kind)]


def zig_field(node: Node, source: bytes) -> list[Name]:
    """Find the name of a Zig field."""
    return _named(node.child_by_field_name("name") or _first(node), source)


def zig_test(node: Node, source: bytes) -> list[Name]:
    """Find the title of a Zig test."""
    title = _first(node)
    return [_title(title, source)] if title is not None and title.type in {"string", "identifier"} else []


def sql_object(node: Node, source: bytes) -> list[Name]:
    """Find the table, view, function or type that a CREATE statement makes."""
    reference = _child(node, "object_reference") or _child(node, "identifier")
    return [_split(_text(reference, source), reference.start_byte)] if reference else []


def sql_index(node: Node, source: bytes) -> list[Name]:
    """Find the name of an index."""
    return _named(node.child_by_field_name("column") or _child(node, "identifier"), source)


def key(node: Node, source: bytes) -> list[Name]:
    """Find the key of a JSON or YAML pair, without quotes."""
    found = node.child_by_field_name("key")
    if found is None or found.end_byte - found.start_byte > _LONGEST:
        return []
    return [Name(_text(found, source).strip("'\""), found.start_byte)]


def value_of(node: Node) -> list[Node]:
    """Return the value of a JSON pair: its children are the members."""
    value = node.child_by_field_name("value")
    return [value] if value else []


def toml_key(node: Node, source: bytes) -> list[Name]:
    """Find the key of a TOML pair or table."""
    found = _first(node)
    return [Name(_text(found, source).strip("'\""), found.start_byte)] if found else []


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _named(node: Node | None, source: bytes) -> list[Name]:
    return [Name(_text(node, source), node.start_byte)] if node else []


def _first(node: Node) -> Node | None:
    return node.named_child(0) if node.named_child_count else None


def _child(node: Node, kind: str) -> Node | None:
    return next((child for child in node.named_children if child.type == kind), None)


def _constant(text: str) -> str:
    return "constant" if text.isupper() and len(text) > 1 else ""


def _value(node: Node, source: bytes) -> Name:
    text = _text(node, source)
    return Name(text, node.start_byte, kind=_constant(text))


def _title(node: Node, source: bytes) -> Name:
    text = " ".join(_text(node, source).strip("'\"`").split())
    return Name(text[:_LONGEST], node.start_byte, kind="test")


def _split(text: str, at: int, kind: str = "") -> Name:
    """Make a name of a path such as ``A::B::c`` or ``M.f``."""
    parts = [part.strip() for part in re.sub(r"<[^<>]*>(?=::)", "", text).replace("::", ".").split(".")]
    # An operator such as `operator...` or a range has no parts worth splitting.
    if not all(parts):
        return Name(text, at, kind=kind)
    return Name(parts[-1], at + len(text.encode()) - len(parts[-1].encode()), ".".join(parts[:-1]), kind)
