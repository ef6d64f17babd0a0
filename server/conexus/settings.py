"""Every setting: its default, what it may be, and where the value in force came from.

A value is looked for in six places, later ones winning: the default, the user's file, the folder's
``conexus.toml``, the environment, an editor, the command line. A wrong value never stops anything: it becomes a message
that names the key, the place and the allowed values, and the value from the place before it stands.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Attribute, field, fields, frozen, resolve_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cattrs import Converter

FILE_NAME = "conexus.toml"
DEFAULT_ORIGIN = "default"
_ENVIRONMENT_PREFIX = "CONEXUS_"
_DATA_VARIABLE = "CONEXUS_DATA_DIR"
# Variables of this program that are not settings.
OTHER_VARIABLES = {_DATA_VARIABLE, "CONEXUS_STATE_DIR"}
_LARGEST_FILE = 1_000_000
_LONGEST_SHOWN = 60

# Metadata of a setting that names files or code to load. A folder's own file may come with a clone of
# somebody else's repository, so it cannot set these.
_USER_ONLY = {"user_only": True}


def _within(low: float, high: float) -> dict[str, Any]:
    return {"low": low, "high": high}


def _one_of(*choices: str) -> dict[str, Any]:
    return {"choices": choices}


@frozen
class ScopeSettings:
    """Which files belong to the index."""

    include: tuple[str, ...] = ()
    """Gitignore-style patterns of files to index although an ignore file excludes them."""
    exclude: tuple[str, ...] = ()
    """Gitignore-style patterns of files to leave out."""
    max_file_bytes: int = field(default=1_000_000, metadata=_within(1, 100_000_000))
    """Larger files are skipped, in bytes."""
    follow_symlinks: bool = False
    """Whether linked directories inside the folder are walked."""
    generated: bool = False
    """Whether generated and minified files are indexed."""
    hidden: bool = True
    """Whether files and directories whose name starts with a dot are indexed (never `.git`)."""


@frozen
class IndexSettings:
    """How the index is built and where it lives."""

    directory: str = field(default="", metadata={**_USER_ONLY, "absolute": True})
    """Where indexes are kept; empty means the user's data directory."""
    workers: int = field(default=0, metadata=_within(0, 64))
    """Parse processes; 0 means one per core, at most 8."""
    file_timeout: float = field(default=5.0, metadata=_within(0.1, 600))
    """Seconds a file may take to parse before it is quarantined."""


@frozen
class ModelSettings:
    """Which model embeds."""

    name: str = field(default="static", metadata={**_USER_ONLY, "filled": True})
    """`static` for the embedded model, else a sentence-transformers name or path."""
    device: str = field(default="auto", metadata=_one_of("auto", "cpu", "cuda", "mps"))
    """`auto`, `cpu`, `cuda` or `mps`, for transformer models."""


@frozen
class SearchSettings:
    """How questions are answered."""

    limit: int = field(default=10, metadata=_within(1, 1000))
    """Hits returned when the caller does not say."""
    budget_ms: int = field(default=2000, metadata=_within(10, 600_000))
    """Milliseconds after which an answer is given as far as it is, and says so."""
    second_model: str = field(default="", metadata={**_USER_ONLY})
    """A sentence-transformers bi-encoder or cross-encoder, by name or path, for a second opinion; empty: none."""
    second_ms: int = field(default=300, metadata=_within(10, 60_000))
    """Milliseconds that the second opinion may take; what is not judged by then keeps its place."""


@frozen
class EngineSettings:
    """The process that serves editors."""

    idle_seconds: float = field(default=300.0, metadata={**_USER_ONLY, **_within(0.1, 1_000_000)})
    """Seconds without any editor or agent after which the engine ends."""
    rescan_seconds: float = field(default=30.0, metadata=_within(1, 86_400))
    """Seconds between two looks at all files where the system cannot watch them."""


@frozen
class LspSettings:
    """What the language server offers to editors."""

    document_symbols: bool = False
    """Whether the outline of a document is offered too; other language servers usually do that."""
    semantic_symbols: str = field(default="auto", metadata=_one_of("auto", "always", "never"))
    """Whether the search for symbols adds ones found by meaning; `auto`: if the editor does not filter by name."""


@frozen
class McpSettings:
    """What one agent may ask of the agents' server."""

    requests_per_minute: int = field(default=100, metadata={**_USER_ONLY, **_within(0, 1_000_000)})
    """Requests a minute of one client over HTTP; 0 for no limit."""
    concurrency: int = field(default=16, metadata={**_USER_ONLY, **_within(1, 256)})
    """Requests at work at the same time; others wait."""
    request_seconds: float = field(default=30.0, metadata={**_USER_ONLY, **_within(0.05, 600)})
    """Seconds after which a request is answered with an error."""
    reply_bytes: int = field(default=100_000, metadata={**_USER_ONLY, **_within(2_000, 100_000_000)})
    """Size of the largest reply; longer ones are cut at whole answers, and say so."""
    message_bytes: int = field(default=1_000_000, metadata={**_USER_ONLY, **_within(1_000, 100_000_000)})
    """Size of the largest message that is read."""


@frozen
class Settings:
    """All settings in force for one folder."""

    scope: ScopeSettings = field(factory=ScopeSettings)
    index: IndexSettings = field(factory=IndexSettings)
    model: ModelSettings = field(factory=ModelSettings)
    search: SearchSettings = field(factory=SearchSettings)
    engine: EngineSettings = field(factory=EngineSettings)
    lsp: LspSettings = field(factory=LspSettings)
    mcp: McpSettings = field(factory=McpSettings)


@frozen
class Rule:
    """What one setting may be, for messages and documentation."""

    key: str
    """Section and name: ``search.limit``."""
    default: Any
    type: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    absolute: bool = False
    filled: bool = False
    user_only: bool = False

    @property
    def variable(self) -> str:
        """Return the environment variable that sets it: ``CONEXUS_SEARCH_LIMIT``."""
        return _ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    @property
    def allowed(self) -> str:
        """Return in words what the value may be."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.low is not None:
            noun = "a whole number" if self.type is int else "a number"
            return f"{noun} from {self.low} to {self.high}"
        if self.absolute:
            return "an absolute path, or empty"
        if self.filled:
            return "a name or path"
        if self.type is str:
            return "a name or path, or empty"
        return "true or false" if self.type is bool else "a list of strings"

    def holds(self, value: Any) -> bool:
        """Return whether a value of the right type is also an allowed one."""
        if self.choices:
            return value in self.choices
        if self.low is not None and self.high is not None:
            return bool(self.low <= value <= self.high)
        if self.absolute:
            return not value or Path(value).expanduser().is_absolute()
        return bool(value) or not self.filled


@frozen
class Loaded:
    """The settings of one folder, and how they came about."""

    settings: Settings
    origins: dict[str, str]
    """For each key, where its value came from: ``default``, a file, a variable or a flag."""
    problems: tuple[str, ...]
    """What was wrong and which value was used instead, ready to be shown."""


class _WrongError(ValueError):
    """A value or file that cannot be used; its message becomes part of a problem."""


@frozen
class _Layer:
    # One place values come from: raw values by key, and for each the origin to report.
    values: dict[str, tuple[Any, str]]
    trusted: bool = True


def load(
    root: Path, flags: Sequence[str] = (), editor: Mapping[str, Mapping[str, Any]] | None = None
) -> Loaded:
    """Return the settings in force for the folder `root`; wrong values become `Loaded.problems`.

    `flags` are ``section.key=value`` strings from the command line, `editor` section → key → value from an
    editor, whose settings may come with the folder. Raises nothing for bad input.
    """
    problems: list[str] = []
    layers = [
        _file_layer(user_file(), problems),
        _file_layer(folder_file(root), problems, trusted=False),
        _environment_layer(problems),
        _editor_layer(editor or {}, problems),
        _flag_layer(flags, problems),
    ]
    return _merge(layers, problems)


def rules() -> dict[str, Rule]:
    """Return the rule of every setting by key, in the order they are documented."""
    return {rule.key: rule for section in fields(Settings) for rule in _section_rules(section)}


def value_of(settings: Settings, key: str) -> Any:
    """Return the value of a key such as ``search.limit``."""
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def user_file() -> Path:
    """Return where the user's own settings live, whether or not the file exists."""
    import platformdirs

    return platformdirs.user_config_path("conexus", appauthor=False) / FILE_NAME


def folder_file(root: Path) -> Path | None:
    """Return the nearest ``conexus.toml`` from `root` up to its repository's root, if there is one."""
    root = root.absolute()
    candidates = []
    for directory in (root, *root.parents):
        candidates.append(directory / FILE_NAME)
        if os.path.lexists(directory / ".git"):
            break
    else:
        # Outside a repository nothing says where a project ends, so a parent's file is not ours.
        candidates = candidates[:1]
    return next((path for path in candidates if os.path.lexists(path)), None)


def data_directory(settings: Settings) -> Path:
    """Return where indexes are kept: `index.directory`, else ``CONEXUS_DATA_DIR``, else the user's data."""
    chosen = settings.index.directory or os.environ.get(_DATA_VARIABLE, "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("conexus", appauthor=False)


def _section_rules(section: Attribute[Any]) -> Iterable[Rule]:
    section_class = type(getattr(Settings(), section.name))
    for attribute in fields(resolve_types(section_class)):
        yield Rule(
            f"{section.name}.{attribute.name}", attribute.default, attribute.type, **attribute.metadata
        )


# Places. Each returns raw values by key and adds what it could not read to `problems`.


def _file_layer(path: Path | None, problems: list[str], *, trusted: bool = True) -> _Layer:
    document = _read_toml(path, problems) if path else {}
    values = {}
    for section, entries in document.items():
        if not isinstance(entries, dict):
            problems.append(f"{path}: {section} is not a section; {_suggest(section)}")
            continue
        values.update({f"{section}.{name}": (value, str(path)) for name, value in entries.items()})
    return _Layer(values, trusted)


def _editor_layer(sections: Mapping[str, Any], problems: list[str]) -> _Layer:
    values = {}
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            problems.append(f"editor: {section} is not a section; {_suggest(section)}")
            continue
        # Editors send null for what is not set.
        values.update(
            {f"{section}.{name}": (value, "editor") for name, value in entries.items() if value is not None}
        )
    return _Layer(values, trusted=False)


def _read_toml(path: Path, problems: list[str]) -> dict[str, Any]:
    if not os.path.lexists(path):
        return {}
    try:
        return tomllib.loads(_read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        # ValueError covers bad TOML, bad UTF-8 and absurd numbers; deep nesting exhausts the stack.
        problems.append(f"{path}: ignored, because it cannot be read as TOML: {error}. Fix or remove it.")
        return {}


def _read_text(path: Path) -> str:
    # A repository may hold a pipe or an endless device under this name.
    if not path.is_file():
        raise _WrongError("it is not a regular file")
    with path.open("rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise _WrongError(f"it is larger than {_LARGEST_FILE} bytes")
    return data.decode("utf-8-sig")


def _environment_layer(problems: list[str]) -> _Layer:
    known = {rule.variable: rule for rule in rules().values()}
    values = {}
    for variable, text in sorted(os.environ.items()):
        if not variable.startswith(_ENVIRONMENT_PREFIX) or variable in OTHER_VARIABLES:
            continue
        if rule := known.get(variable):
            values[rule.key] = (_from_text(text, rule), variable)
        else:
            problems.append(
                f"{variable}: there is no such variable{_nearest(variable, known)}; it is ignored."
            )
    return _Layer(values)


def _flag_layer(flags: Sequence[str], problems: list[str]) -> _Layer:
    known, values = rules(), {}
    for flag in flags:
        key, equals, text = flag.partition("=")
        if not equals:
            problems.append(f"--set {_shown(flag)}: write it as section.key=value; it is ignored.")
            continue
        rule = known.get(key)
        values[key] = (_from_text(text, rule) if rule else text, f"--set {key}")
    return _Layer(values)


def _from_text(text: str, rule: Rule) -> Any:
    # Variables and flags are text; what does not convert stays text, and validation then says what is allowed.
    if rule.type is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if rule.type in (int, float):
        try:
            return rule.type(text)
        except ValueError:
            return text
    if rule.type is str:
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


# Validation and merging.


def _merge(layers: Sequence[_Layer], problems: list[str]) -> Loaded:
    converter, known = _converter(), rules()
    values = {key: rule.default for key, rule in known.items()}
    origins = dict.fromkeys(known, DEFAULT_ORIGIN)
    for layer in layers:
        for key, (raw, origin) in layer.values.items():
            try:
                values[key] = _checked(key, raw, known, converter, trusted=layer.trusted)
                origins[key] = origin
            except _WrongError as error:
                kept = f" Using {_shown(values[key])}." if key in known else ""
                problems.append(f"{origin}: {error}{kept}")
    sections = {
        section.name: {
            key.partition(".")[2]: values[key] for key in known if key.startswith(f"{section.name}.")
        }
        for section in fields(Settings)
    }
    return Loaded(converter.structure(sections, Settings), origins, tuple(problems))


def _checked(key: str, raw: Any, known: Mapping[str, Rule], converter: Converter, *, trusted: bool) -> Any:
    rule = known.get(key)
    if rule is None:
        raise _WrongError(f"there is no setting {_shown(key)}{_nearest(key, known)}; it is ignored.")
    if rule.user_only and not trusted:
        raise _WrongError(
            f"{key} cannot be set by a folder, which may be somebody else's repository: set it in {user_file()}"
            f" or {rule.variable}."
        )
    try:
        value = converter.structure(raw, rule.type)
        if rule.holds(value):
            return value
    except (ValueError, ExceptionGroup):
        pass
    raise _WrongError(f"{key} = {_shown(raw)} is not {rule.allowed}.")


def _converter() -> Converter:
    # cattrs converts generously ("no" would be true); settings take exactly the type they ask for.
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook(bool, lambda value, _: _exactly(value, bool))
    converter.register_structure_hook(int, lambda value, _: _exactly(value, int))
    converter.register_structure_hook(float, lambda value, _: float(_exactly(value, int, float)))
    converter.register_structure_hook(str, lambda value, _: _exactly(value, str))
    converter.register_structure_hook_func(
        lambda type_: type_ == tuple[str, ...],
        lambda value, _: tuple(_exactly(item, str) for item in _exactly(value, list, tuple)),
    )
    return converter


def _exactly(value: Any, *types: type) -> Any:
    # type() and not isinstance(): true is an int in Python, and not a number of workers.
    if type(value) not in types:
        raise ValueError(f"not of type {types[0].__name__}")
    return value


def _suggest(section: str) -> str:
    names = [attribute.name for attribute in fields(Settings)]
    if section in names:
        return f"write [{section}] and its settings below it; it is ignored."
    owners = [key for key in rules() if key.endswith(f".{section}")]
    if owners:
        return f"{owners[0]} is, so write it below [{owners[0].partition('.')[0]}]; it is ignored."
    return f"the sections are {', '.join(names)}; it is ignored."


def _nearest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    known = sorted(known)
    if close := get_close_matches(name, known, n=1, cutoff=0.75):
        return f" (did you mean {close[0]}?)"
    return f" (there are: {', '.join(known)})"


def _shown(value: Any) -> str:
    # TOML and Python agree on numbers; for the rest TOML's spelling is what people will type.
    text = repr(value)
    if isinstance(value, bool):
        text = text.lower()
    elif isinstance(value, (list, tuple)):
        text = f"[{', '.join(map(repr, value))}]"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
