"""Which language a file is in, and the grammar that parses it."""

from __future__ import annotations

import importlib
import re
from functools import cache

from tree_sitter import Language, Parser

_SUFFIXES = {
    "bash": "sh bash zsh ksh bats ebuild",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl ino cu cuh",
    "csharp": "cs csx",
    "css": "css",
    "elixir": "ex exs",
    "go": "go",
    "haskell": "hs",
    "html": "html htm xhtml",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "json": "json jsonc json5 geojson webmanifest code-workspace",
    "kotlin": "kt kts",
    "lua": "lua",
    "markdown": "md markdown mdx mkd",
    "notebook": "ipynb",
    "php": "php php3 php4 php5 phtml",
    "python": "py pyi pyw",
    "ruby": "rb rake gemspec ru podspec",
    "rust": "rs",
    "scala": "scala sc sbt",
    "sql": "sql ddl dml pgsql",
    "swift": "swift",
    "toml": "toml",
    "tsx": "tsx",
    "typescript": "ts mts cts",
    "yaml": "yaml yml",
    "zig": "zig zon",
    # No grammar: chunked by lines, but `lang:` filters know them.
    "ada": "adb ads",
    "asciidoc": "adoc asciidoc",
    "assembly": "asm s",
    "astro": "astro",
    "awk": "awk",
    "batch": "bat cmd",
    "bazel": "bzl bazel",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "cobol": "cob cbl cpy",
    "coffeescript": "coffee",
    "commonlisp": "lisp lsp cl",
    "crystal": "cr",
    "csv": "csv tsv",
    "cuda": "",
    "cython": "pyx pxd pxi",
    "d": "d",
    "dart": "dart",
    "diff": "diff patch",
    "dockerfile": "dockerfile",
    "elm": "elm",
    "emacslisp": "el",
    "erlang": "erl hrl",
    "fennel": "fnl",
    "fish": "fish",
    "fortran": "f f90 f95 f03 f08 for",
    "fsharp": "fs fsi fsx",
    "gdscript": "gd",
    "gleam": "gleam",
    "glsl": "glsl vert frag geom comp",
    "graphql": "graphql gql",
    "groovy": "groovy gradle gvy",
    "haml": "haml",
    "handlebars": "hbs handlebars",
    "haxe": "hx",
    "hlsl": "hlsl fx",
    "ini": "ini cfg conf properties editorconfig desktop service",
    "jinja": "j2 jinja jinja2",
    "julia": "jl",
    "just": "just",
    "latex": "tex sty cls bib",
    "less": "less",
    "liquid": "liquid",
    "makefile": "mk mak",
    "matlab": "mat",
    "meson": "",
    "mojo": "mojo",
    "nim": "nim nims",
    "nix": "nix",
    "objective-c": "m mm",
    "ocaml": "ml mli",
    "odin": "odin",
    "org": "org",
    "pascal": "pas pp dpr",
    "perl": "pl pm t pod",
    "powershell": "ps1 psm1 psd1",
    "prisma": "prisma",
    "prolog": "pro",
    "protobuf": "proto",
    "pug": "pug jade",
    "puppet": "",
    "purescript": "purs",
    "qml": "qml",
    "r": "r rmd",
    "racket": "rkt",
    "reason": "re rei",
    "rego": "rego",
    "rst": "rst",
    "sass": "sass",
    "scheme": "scm ss",
    "scss": "scss",
    "smalltalk": "st",
    "solidity": "sol",
    "starlark": "star",
    "stylus": "styl",
    "svelte": "svelte",
    "svg": "svg",
    "systemverilog": "sv svh",
    "tcl": "tcl",
    "terraform": "tf tfvars hcl",
    "thrift": "thrift",
    "twig": "twig",
    "typst": "typ",
    "v": "vsh",
    "vala": "vala vapi",
    "verilog": "v vh",
    "vhdl": "vhd vhdl",
    "viml": "vim",
    "visualbasic": "vb vbs bas",
    "vue": "vue",
    "wgsl": "wgsl",
    "xml": "xml xsd xsl xslt plist csproj vbproj fsproj props targets xaml resx storyboard xib",
}
_BY_SUFFIX = {suffix: language for language, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}

_BY_NAME = {
    ".babelrc": "json",
    ".bash_aliases": "bash",
    ".bash_profile": "bash",
    ".bashrc": "bash",
    ".clang-format": "yaml",
    ".clang-tidy": "yaml",
    ".editorconfig": "ini",
    ".eslintrc": "json",
    ".gitconfig": "ini",
    ".gitmodules": "ini",
    ".prettierrc": "json",
    ".profile": "bash",
    ".vimrc": "viml",
    ".zshrc": "bash",
    "brewfile": "ruby",
    "build": "bazel",
    "build.bazel": "bazel",
    "cargo.lock": "toml",
    "cmakelists.txt": "cmake",
    "containerfile": "dockerfile",
    "dockerfile": "dockerfile",
    "gemfile": "ruby",
    "gnumakefile": "makefile",
    "go.mod": "gomod",
    "go.sum": "gosum",
    "go.work": "gomod",
    "guardfile": "ruby",
    "jenkinsfile": "groovy",
    "justfile": "just",
    "makefile": "makefile",
    "meson.build": "meson",
    "meson_options.txt": "meson",
    "pipfile": "toml",
    "pkgbuild": "bash",
    "podfile": "ruby",
    "poetry.lock": "toml",
    "procfile": "procfile",
    "rakefile": "ruby",
    "sconstruct": "python",
    "snakefile": "python",
    "uv.lock": "toml",
    "vagrantfile": "ruby",
    "workspace": "bazel",
    "wscript": "python",
}

# What a shebang's interpreter or an editor's mode line calls the language.
_BY_ALIAS = {
    "ash": "bash",
    "bash": "bash",
    "bun": "typescript",
    "c++": "cpp",
    "csh": "bash",
    "dash": "bash",
    "deno": "typescript",
    "js": "javascript",
    "ksh": "bash",
    "lua": "lua",
    "luajit": "lua",
    "make": "makefile",
    "node": "javascript",
    "nodejs": "javascript",
    "pwsh": "powershell",
    "py": "python",
    "pypy": "python",
    "rb": "ruby",
    "rscript": "r",
    "rust-script": "rust",
    "sh": "bash",
    "shell-script": "bash",
    "ts-node": "typescript",
    "tsx": "typescript",
    "vim": "viml",
    "zsh": "bash",
}
_KNOWN = set(_SUFFIXES) | set(_BY_NAME.values())
LANGUAGES = frozenset(_KNOWN | {"text"})
"""All that `language_of` returns."""

_MODE = re.compile(
    rb"-\*-\s*(?:.*?\bmode:\s*)?([\w+#-]+)\s*(?:;.*?)?-\*-|\bvim?:.*?\b(?:ft|filetype|syntax)=([\w+#]+)"
)
_CPP = re.compile(
    rb"^\s*(?:class|namespace|template|using|constexpr)\b[\s<\w]|^\s*(?:public|private|protected)\s*:"
    rb"|\bstd::|^\s*#\s*include\s*<[a-z_]+>\s*$",
    re.MULTILINE,
)
_OBJECTIVE_C = re.compile(rb"^\s*(?:@interface|@protocol|@implementation|#import)\b", re.MULTILINE)

_MODULES = {
    "bash": ("tree_sitter_bash", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "elixir": ("tree_sitter_elixir", "language"),
    "go": ("tree_sitter_go", "language"),
    "haskell": ("tree_sitter_haskell", "language"),
    "html": ("tree_sitter_html", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "lua": ("tree_sitter_lua", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "scala": ("tree_sitter_scala", "language"),
    "sql": ("tree_sitter_sql", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "toml": ("tree_sitter_toml", "language"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "yaml": ("tree_sitter_yaml", "language"),
    "zig": ("tree_sitter_zig", "language"),
}
GRAMMARS = frozenset(_MODULES)
"""Languages parsed with tree-sitter. Markdown and notebooks have parsers of their own."""


def language_of(path: str, head: bytes) -> str:
    """Return the language of the file at `path`, whose first bytes are `head`; ``text`` when unknown.

    The full name decides before the suffix, the suffix before a shebang or an editor's mode line in the
    first line. A ``.h`` is C unless `head` looks like C++ or Objective-C.
    """
    name = path.rpartition("/")[2].lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    stem, dot, suffix = name.rpartition(".")
    language = _BY_SUFFIX.get(suffix) if dot and stem else None
    if suffix == "h" and language:
        return _header_language(head)
    if language:
        return language
    if name.startswith(("dockerfile.", "containerfile.")):
        return "dockerfile"
    if name.startswith("makefile."):
        return "makefile"
    return _first_line_language(head)


@cache
def grammar_of(language: str) -> Language:
    """Return the grammar of `language`, loaded on first use; KeyError when there is none."""
    module, function = _MODULES[language]
    return Language(getattr(importlib.import_module(module), function)())


@cache
def parser_of(language: str) -> Parser:
    """Return the parser of `language`, one a process: not for use from two threads at once."""
    return Parser(grammar_of(language))


def _header_language(head: bytes) -> str:
    if _OBJECTIVE_C.search(head):
        return "objective-c"
    return "cpp" if _CPP.search(head) else "c"


def _first_line_language(head: bytes) -> str:
    line = head.split(b"\n", 1)[0][:500]
    line = line.removeprefix(b"\xef\xbb\xbf")
    if line.startswith(b"#!"):
        return _alias(_interpreter(line[2:].split()))
    if line.startswith(b"<?php"):
        return "php"
    if line.startswith(b"<?xml"):
        return "xml"
    found = _MODE.search(line)
    return _alias(found[1] or found[2]) if found else "text"


def _interpreter(words: list[bytes]) -> bytes:
    """Return the program a shebang starts; `env` passes options and variables by before its name."""
    names = [word.rpartition(b"/")[2] for word in words if not word.startswith(b"-") and b"=" not in word]
    if names[:1] == [b"env"]:
        names = names[1:]
    return names[0] if names else b""


def _alias(word: bytes) -> str:
    name = word.decode("ascii", "replace").lower()
    name = name if name in _KNOWN or name in _BY_ALIAS else name.rstrip("0123456789.")
    return _BY_ALIAS.get(name, name if name in _KNOWN else "text")
