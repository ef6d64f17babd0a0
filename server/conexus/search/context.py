"""What is near to whoever asks: files at hand in the editor, and alive in git, are lifted a little. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# All lifts of a file together: enough to settle what is nearly even, and no more. Chosen by judgement, not measured.
MOST = 1.2
_ACTIVE, _EDITED, _OPEN, _SAME_PACKAGE, _TOGETHER, _RECENT = 0.04, 0.1, 0.06, 0.1, 0.1, 0.04
_RECENT_COMMITS = 50
_MOST_EDITED = 10


@frozen
class EditorContext:
    """What an editor shows and its user does; paths are relative to the folder that is searched."""

    active: str = ""
    """The file with the cursor."""
    open: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    """Files changed lately, the last one first."""

    @property
    def empty(self) -> bool:
        """Return whether nothing is known."""
        return not (self.active or self.open or self.edited)


@frozen
class Surroundings:
    """What lifts a file, for one question."""

    context: EditorContext = field(factory=EditorContext)
    ages: Mapping[str, int] = field(factory=dict)
    """Path → by how many commits ago git saw it changed last, 0 for the newest."""
    together: Mapping[str, float] = field(factory=dict)
    """Path → the share of the active file's commits that changed it too."""

    @property
    def empty(self) -> bool:
        """Return whether no file is lifted."""
        return self.context.empty and not self.ages

    def lifts(self, path: str) -> list[tuple[float, str]]:
        """Return factors from 1 with their reasons; their product is at most `MOST`."""
        found: list[tuple[float, str]] = []
        room = MOST
        for share, reason in self._shares(path):
            factor = min(1 + share, room)
            if factor > 1:
                found.append((factor, reason))
                room /= factor
        return found

    def _shares(self, path: str) -> Iterator[tuple[float, str]]:
        context = self.context
        if path == context.active:
            yield _ACTIVE, "the active file"
        elif "/" in context.active and _package(path) == _package(context.active):
            yield _SAME_PACKAGE, "in the active file's package"
        if path in context.edited[:_MOST_EDITED]:
            yield _EDITED * (1 - context.edited.index(path) / _MOST_EDITED), "edited lately"
        if path in context.open and path != context.active:
            yield _OPEN, "open in the editor"
        if share := self.together.get(path, 0.0):
            yield _TOGETHER * share, "changes together with the active file"
        age = self.ages.get(path, _RECENT_COMMITS)
        if age < _RECENT_COMMITS:
            yield (
                _RECENT * (1 - age / _RECENT_COMMITS),
                f"changed {age} commits ago" if age else "changed by the last commit",
            )


def _package(path: str) -> str:
    return path.rpartition("/")[0]
