"""What a definition looks like in each grammar: data the outline reads, one table a language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from conexus.parsing import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from conexus.parsing.names import NameFinder


@frozen
class Rule:
    """How nodes of one type are read.

    A rule without `kind` is a wrapper: it adds no name, and all its children are looked at
    (``export``, ``if TYPE_CHECKING``, ``#ifdef``). A rule with a kind is a definition, whose members are
    looked for below the grammar's `through` nodes only.
    """

    kind: str = ""
    names: NameFinder = names.by_field
    """Finds the names a node defines: none, one, or several (``int a, b;``)."""
    merges: bool = False
    """Whether neighbours with the same name are one definition (clauses, overloads, signatures)."""
    nested: tuple[bytes, ...] | None = None
    """Members are looked for only where one of these is found, or where the node is too large for a chunk."""
    inner: Callable[[Node], list[Node]] | None = None
    """Finds the nodes whose children are the members, where `through` does not say."""


@frozen
class Rules:
    """The tables of one grammar, by node type."""

    rules: dict[str, Rule]
    through: frozenset[str] = frozenset()
    """Nodes whose children are looked at in their place: bodies, statement lists, errors."""
    top: frozenset[str] = frozenset()
    """Nodes looked through only at the top of the file."""
    leading: dict[str, re.Pattern[bytes] | None] = field(factory=dict)
    """Comments, and the attributes and decorators that are siblings of what they belong to."""
    top_only: bool = False
    """Whether only top-level definitions are symbols: keys of data files."""
    filler: str = "module"
    """Kind of chunks in no definition."""


NEVER: tuple[bytes, ...] = ()
"""Members are looked for only in nodes too large for a chunk."""
_COMMENT: dict[str, re.Pattern[bytes] | None] = {"comment": None}
_COMMENTS: dict[str, re.Pattern[bytes] | None] = {"line_comment": None, "block_comment": None}


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _each(text: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(text.split(), rule)


_PY_NESTED = (b"    def ", b"    class ", b"\tdef ", b"\tclass ", b" async def ")
_PYTHON = Rules(
    rules={
        "function_definition": Rule("function", nested=_PY_NESTED),
        "class_definition": Rule("class"),
        "decorated_definition": Rule(),
        "expression_statement": Rule("variable", names.python_assignment, nested=NEVER),
        "type_alias_statement": Rule("type", names.python_alias, nested=NEVER),
        **_each(
            "if_statement try_statement with_statement for_statement while_statement match_statement",
            Rule(nested=_PY_NESTED),
        ),
    },
    through=_of("block else_clause elif_clause except_clause finally_clause case_clause except_group_clause"),
    leading=_COMMENT,
)

_JS_NESTED = (b"function", b"=>", b"class ")
# Methods of an object need no keyword.
_JS_OBJECT = (*_JS_NESTED, b") {")
_JS_CALLABLE = Rule("function", nested=_JS_NESTED)
_JS_RULES = {
    **_each("function_declaration generator_function_declaration", _JS_CALLABLE),
    "method_definition": Rule("method", names.javascript_member, merges=True, nested=_JS_NESTED),
    "class_declaration": Rule("class"),
    "class": Rule("class", names.javascript_class_expression),
    **_each(
        "lexical_declaration variable_declaration",
        Rule("variable", names.javascript_variables, nested=_JS_OBJECT),
    ),
    **_each(
        "field_definition public_field_definition property_signature",
        Rule("field", names.javascript_member, nested=_JS_NESTED),
    ),
    "pair": Rule("field", names.javascript_pair, nested=_JS_OBJECT),
    "expression_statement": Rule("variable", names.javascript_expression, nested=_JS_OBJECT),
    "export_statement": Rule(),
    **_each("if_statement try_statement", Rule(nested=(b"function", b"class "))),
}
_JS_THROUGH = _of(
    "class_body statement_block variable_declarator assignment_expression call_expression arguments"
    " parenthesized_expression arrow_function function_expression object await_expression unary_expression"
    " else_clause catch_clause finally_clause return_statement new_expression sequence_expression"
    " class_static_block"
)
_JAVASCRIPT = Rules(_JS_RULES, _JS_THROUGH, leading={"comment": None, "decorator": None})
_TYPESCRIPT = Rules(
    rules={
        **_JS_RULES,
        "abstract_class_declaration": Rule("class"),
        "interface_declaration": Rule("interface"),
        "enum_declaration": Rule("enum"),
        "type_alias_declaration": Rule("type"),
        **_each("internal_module module", Rule("namespace", names.dotted)),
        "function_signature": Rule("function", merges=True),
        "function_declaration": Rule("function", nested=_JS_NESTED, merges=True),
        **_each(
            "method_signature abstract_method_signature", Rule("method", names.javascript_member, merges=True)
        ),
        "enum_assignment": Rule("constant", nested=NEVER),
        "ambient_declaration": Rule(),
    },
    through=_JS_THROUGH | _of("interface_body enum_body satisfies_expression as_expression"),
    leading={"comment": None, "decorator": None},
)

_JAVA = Rules(
    rules={
        "class_declaration": Rule("class"),
        "record_declaration": Rule("class"),
        **_each("interface_declaration annotation_type_declaration", Rule("interface")),
        "enum_declaration": Rule("enum"),
        **_each(
            "method_declaration constructor_declaration compact_constructor_declaration"
            " annotation_type_element_declaration",
            Rule("method", nested=NEVER),
        ),
        **_each("field_declaration constant_declaration", Rule("field", names.declarators, nested=NEVER)),
        "enum_constant": Rule("constant"),
    },
    through=_of(
        "class_body interface_body enum_body enum_body_declarations annotation_type_body block constructor_body"
    ),
    leading=_COMMENTS,
)

# At the top of a file, the grammar takes an annotation of one argument for a statement before its declaration.
_KOTLIN_ANNOTATION = re.compile(rb"@[\w.:]+\s*\((?:[^()]|\([^()]*\))*\)\s*\Z")
_KOTLIN = Rules(
    rules={
        "class_declaration": Rule("class", names.keyword_class),
        "object_declaration": Rule("class"),
        "companion_object": Rule(),
        "function_declaration": Rule("function", nested=(b" fun ", b" class ", b" object ")),
        "property_declaration": Rule("variable", names.kotlin_property, nested=NEVER),
        "type_alias": Rule("type", names.kotlin_alias, nested=NEVER),
        "enum_entry": Rule("constant", names.first_child),
        "secondary_constructor": Rule("method", names.fixed("constructor"), nested=NEVER),
    },
    through=_of("class_body enum_class_body function_body block"),
    leading={**_COMMENTS, "comment": None, "annotated_expression": _KOTLIN_ANNOTATION},
)

_SCALA_VALUE = Rule("variable", names.scala_value, nested=(b"def ", b"class "))
_SCALA = Rules(
    rules={
        "class_definition": Rule("class"),
        "object_definition": Rule("module"),
        "package_object": Rule("module"),
        "trait_definition": Rule("trait"),
        "enum_definition": Rule("enum"),
        **_each(
            "function_definition function_declaration",
            Rule("function", nested=(b" def ", b" class ", b" object ")),
        ),
        **_each("val_definition var_definition val_declaration var_declaration", _SCALA_VALUE),
        "given_definition": Rule("variable"),
        "type_definition": Rule("type", nested=NEVER),
        "extension_definition": Rule(),
        **_each("simple_enum_case full_enum_case", Rule("constant", nested=NEVER)),
        "package_clause": Rule("namespace", names.package_with_body),
    },
    through=_of("template_body enum_body enum_case_definitions block indented_block with_template_body"),
    leading={**_COMMENTS, "comment": None},
)

_GO_GROUP = Rule()
_GO = Rules(
    rules={
        "function_declaration": Rule("function", nested=NEVER),
        "method_declaration": Rule("method", names.go_method, nested=NEVER),
        **_each("type_declaration const_declaration var_declaration", _GO_GROUP),
        "type_spec": Rule("type", names.go_type),
        "type_alias": Rule("type"),
        "const_spec": Rule("constant", names.every_name, nested=NEVER),
        "var_spec": Rule("variable", names.every_name, nested=NEVER),
        **_each("method_elem method_spec", Rule("method", nested=NEVER)),
        "field_declaration": Rule("field", names.every_name, nested=NEVER),
    },
    through=_of("interface_type struct_type field_declaration_list var_spec_list block statement_list"),
    leading=_COMMENT,
)

_RUST_NESTED = (b" fn ", b" struct ", b" enum ", b" impl", b" trait ")
_RUST = Rules(
    rules={
        **_each("function_item function_signature_item", Rule("function", nested=_RUST_NESTED)),
        "struct_item": Rule("struct"),
        "union_item": Rule("struct"),
        "enum_item": Rule("enum"),
        "enum_variant": Rule("constant", nested=NEVER),
        "field_declaration": Rule("field", nested=NEVER),
        "trait_item": Rule("trait"),
        "impl_item": Rule("impl", names.rust_impl),
        "mod_item": Rule("module"),
        **_each("const_item static_item", Rule("constant", nested=NEVER)),
        **_each("type_item associated_type", Rule("type", nested=NEVER)),
        "macro_definition": Rule("macro", nested=NEVER),
        "foreign_mod_item": Rule(),
    },
    through=_of("declaration_list field_declaration_list enum_variant_list block"),
    leading={**_COMMENTS, "attribute_item": None},
)

_C_RULES = {
    "function_definition": Rule("function", names.c_function, nested=NEVER),
    **_each("declaration field_declaration", Rule("variable", names.c_declaration, inner=names.c_body)),
    "type_definition": Rule("type", names.c_declaration, inner=names.c_body),
    **_each("struct_specifier union_specifier", Rule("struct", names.with_body)),
    "enum_specifier": Rule("enum", names.with_body),
    "enumerator": Rule("constant", nested=NEVER),
    **_each("preproc_def preproc_function_def", Rule("macro", nested=NEVER)),
    **_each("preproc_if preproc_ifdef", Rule()),
    "linkage_specification": Rule(),
}
_C_THROUGH = _of(
    "field_declaration_list enumerator_list declaration_list compound_statement preproc_else preproc_elif"
    " preproc_elifdef"
)
_C = Rules(_C_RULES, _C_THROUGH, leading=_COMMENT)
_CPP_RULES = Rules(
    rules={
        **_C_RULES,
        "class_specifier": Rule("class", names.with_body),
        "namespace_definition": Rule("namespace", names.dotted),
        "template_declaration": Rule(),
        "alias_declaration": Rule("type", nested=NEVER),
        "concept_definition": Rule("type", nested=NEVER),
    },
    through=_C_THROUGH,
    leading={"comment": None, "attribute_declaration": None},
)

_CSHARP = Rules(
    rules={
        "class_declaration": Rule("class"),
        **_each("record_declaration record_struct_declaration", Rule("class")),
        "struct_declaration": Rule("struct"),
        "interface_declaration": Rule("interface"),
        "enum_declaration": Rule("enum"),
        "enum_member_declaration": Rule("constant", nested=NEVER),
        "namespace_declaration": Rule("namespace", names.dotted),
        "delegate_declaration": Rule("type", nested=NEVER),
        **_each(
            "method_declaration constructor_declaration local_function_statement",
            Rule("method", nested=NEVER),
        ),
        "destructor_declaration": Rule("method", nested=NEVER),
        "indexer_declaration": Rule("method", names.fixed("this"), nested=NEVER),
        "operator_declaration": Rule("method", names.csharp_operator, nested=NEVER),
        **_each("property_declaration event_declaration", Rule("field", nested=NEVER)),
        **_each("field_declaration event_field_declaration", Rule("field", names.csharp_field, nested=NEVER)),
        "preproc_if": Rule(),
        "global_statement": Rule(),
    },
    through=_of("declaration_list enum_member_declaration_list block preproc_else preproc_elif"),
    leading={"comment": None},
)

_RUBY = Rules(
    rules={
        "class": Rule("class", names.dotted),
        "module": Rule("module", names.dotted),
        "singleton_class": Rule(),
        **_each("method singleton_method", Rule("function", nested=NEVER)),
        "assignment": Rule("constant", names.ruby_constant, nested=(b" do",)),
        "call": Rule("test", names.ruby_call, nested=(b" do", b"def ", b"{")),
        **_each("if unless begin", Rule(nested=(b"def ", b"class "))),
    },
    through=_of("body_statement do_block block block_body argument_list then else ensure rescue"),
    leading=_COMMENT,
)

_PHP = Rules(
    rules={
        "class_declaration": Rule("class"),
        "interface_declaration": Rule("interface"),
        "trait_declaration": Rule("trait"),
        "enum_declaration": Rule("enum"),
        "enum_case": Rule("constant", nested=NEVER),
        "function_definition": Rule("function", nested=NEVER),
        "method_declaration": Rule("method", nested=NEVER),
        "const_declaration": Rule("constant", names.php_constants, nested=NEVER),
        "property_declaration": Rule("field", names.php_properties, nested=NEVER),
        "namespace_definition": Rule("namespace", names.namespace_with_body),
        "expression_statement": Rule("constant", names.php_define, nested=NEVER),
        "if_statement": Rule(nested=(b"function ", b"class ")),
    },
    through=_of("declaration_list enum_declaration_list compound_statement else_clause"),
    leading=_COMMENT,
)

_SWIFT_NESTED = (b" func ", b" class ", b" struct ", b" enum ")
_SWIFT = Rules(
    rules={
        "class_declaration": Rule("class", names.swift_class),
        "protocol_declaration": Rule("interface"),
        **_each(
            "function_declaration protocol_function_declaration",
            Rule("function", names.first_name, nested=_SWIFT_NESTED),
        ),
        "init_declaration": Rule("method", names.fixed("init"), nested=NEVER),
        "deinit_declaration": Rule("method", names.fixed("deinit"), nested=NEVER),
        "subscript_declaration": Rule("method", names.fixed("subscript"), nested=NEVER),
        **_each(
            "property_declaration protocol_property_declaration",
            Rule("variable", names.swift_property, nested=NEVER),
        ),
        **_each(
            "typealias_declaration associatedtype_declaration", Rule("type", names.first_name, nested=NEVER)
        ),
        "enum_entry": Rule("constant", names.every_name, nested=NEVER),
        "macro_declaration": Rule("macro", nested=NEVER),
    },
    through=_of("class_body enum_class_body protocol_body function_body statements"),
    leading={"comment": None, "multiline_comment": None},
)

_LUA_NESTED = (b"function ",)
_LUA = Rules(
    rules={
        "function_declaration": Rule("function", names.lua_function, nested=_LUA_NESTED),
        **_each(
            "variable_declaration assignment_statement",
            Rule("variable", names.lua_assignment, nested=_LUA_NESTED),
        ),
        **_each("do_statement if_statement", Rule(nested=_LUA_NESTED)),
    },
    through=_of("block function_definition expression_list else_statement elseif_statement"),
    leading=_COMMENT,
)

_BASH = Rules(
    rules={
        "function_definition": Rule("function", nested=(b"function ", b"() {")),
        "variable_assignment": Rule("variable", names.bash_variable, nested=NEVER),
        "declaration_command": Rule("variable", names.bash_declaration, nested=NEVER),
        **_each("if_statement case_statement", Rule(nested=(b"function ", b"() {"))),
    },
    through=_of("compound_statement else_clause elif_clause case_item list subshell"),
    leading=_COMMENT,
)

_ELIXIR = Rules(
    rules={
        "call": Rule("function", names.elixir_call, merges=True, nested=(b" do",)),
        "unary_operator": Rule("constant", names.elixir_attribute, nested=NEVER),
    },
    through=_of("do_block"),
    leading={
        "comment": None,
        "unary_operator": re.compile(rb"@(?:doc|spec|impl|deprecated|typedoc|since|tag|describetag)\b"),
    },
)

_HASKELL_EQUATION = Rule("function", names.haskell_function, merges=True, nested=NEVER)
_HASKELL = Rules(
    rules={
        "header": Rule("module", names.haskell_module, nested=NEVER),
        **_each("signature function bind foreign_import", _HASKELL_EQUATION),
        "data_type": Rule("type", names.haskell_name, nested=NEVER),
        "newtype": Rule("type", names.haskell_name, nested=NEVER),
        **_each(
            "type_synomym type_synonym type_family data_family kind_signature",
            Rule("type", names.haskell_name, nested=NEVER),
        ),
        "class": Rule("interface", names.haskell_name),
        "instance": Rule("impl", names.haskell_instance),
        "pattern_synonym": Rule("function", names.haskell_name, nested=NEVER),
    },
    through=_of("imports declarations class_declarations instance_declarations"),
    leading={"comment": None, "haddock": None, "pragma": re.compile(rb"\{-#\s*(?:INLINE|NOINLINE|SPECIALI)")},
)

_ZIG = Rules(
    rules={
        "function_declaration": Rule("function", nested=(b"struct",)),
        "variable_declaration": Rule(
            "variable", names.zig_variable, nested=(b"struct", b"enum", b"union", b"opaque")
        ),
        "container_field": Rule("field", names.zig_field, nested=NEVER),
        "test_declaration": Rule("test", names.zig_test, nested=NEVER),
    },
    through=_of(
        "struct_declaration enum_declaration union_declaration opaque_declaration block expression_statement"
        " return_expression"
    ),
    leading={"comment": None, "doc_comment": None},
)

_SQL = Rules(
    rules={
        "statement": Rule(),
        "create_table": Rule("table", names.sql_object, nested=NEVER),
        **_each("create_view create_materialized_view", Rule("view", names.sql_object, nested=NEVER)),
        **_each("create_function create_procedure", Rule("function", names.sql_object, nested=NEVER)),
        "create_trigger": Rule("function", names.sql_object, nested=NEVER),
        "create_index": Rule("index", names.sql_index, nested=NEVER),
        **_each("create_type create_schema create_sequence", Rule("type", names.sql_object, nested=NEVER)),
    },
    leading={"comment": None, "marginalia": None},
)

_HTML = Rules(
    rules={"element": Rule(nested=NEVER)},
    leading=_COMMENT,
    filler="text",
)
_CSS = Rules(
    rules=_each("media_statement supports_statement at_rule keyframes_statement", Rule(nested=NEVER)),
    through=_of("block keyframe_block_list"),
    leading=_COMMENT,
    filler="text",
)
_JSON = Rules(
    rules={
        "pair": Rule("key", names.key, nested=NEVER, inner=names.value_of),
        **_each("object array", Rule(nested=NEVER)),
    },
    top=_of("object array"),
    leading=_COMMENT,
    top_only=True,
    filler="text",
)
_YAML = Rules(
    rules={
        **_each("block_mapping_pair flow_pair", Rule("key", names.key, nested=NEVER)),
        "block_sequence_item": Rule(nested=NEVER),
    },
    through=_of("document block_node block_mapping block_sequence flow_node flow_mapping flow_sequence"),
    leading=_COMMENT,
    top_only=True,
    filler="text",
)
_TOML = Rules(
    rules={
        "pair": Rule("key", names.toml_key, nested=NEVER),
        **_each("table table_array_element", Rule("section", names.toml_key, nested=NEVER)),
    },
    through=_of("array"),
    leading=_COMMENT,
    top_only=True,
    filler="text",
)

RULES: dict[str, Rules] = {
    "bash": _BASH,
    "c": _C,
    "cpp": _CPP_RULES,
    "csharp": _CSHARP,
    "css": _CSS,
    "elixir": _ELIXIR,
    "go": _GO,
    "haskell": _HASKELL,
    "html": _HTML,
    "java": _JAVA,
    "javascript": _JAVASCRIPT,
    "json": _JSON,
    "kotlin": _KOTLIN,
    "lua": _LUA,
    "php": _PHP,
    "python": _PYTHON,
    "ruby": _RUBY,
    "rust": _RUST,
    "scala": _SCALA,
    "sql": _SQL,
    "swift": _SWIFT,
    "toml": _TOML,
    "tsx": _TYPESCRIPT,
    "typescript": _TYPESCRIPT,
    "yaml": _YAML,
    "zig": _ZIG,
}
