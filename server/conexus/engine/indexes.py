"""The indexes of one folder: the one that answers, the one being built, and donors of vectors."""

from __future__ import annotations

import weakref
from threading import Lock, RLock, Thread, Timer
from typing import TYPE_CHECKING

from attrs import define, evolve

from conexus.embedding.terms import TERMS_VERSION
from conexus.embedding.vocabulary import embedded_vocabulary
from conexus.engine.shelf import Standing
from conexus.parsing.chunker import CHUNKER_VERSION
from conexus.store.errors import IndexMissing, StoreError
from conexus.store.index import Index
from conexus.store.schema import Fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conexus.embedding.embedder import Embedder
    from conexus.engine.shelf import Shelf
    from conexus.workspace.files import Entry

# A donor must know a fifth of the new files: fewer, and asking costs more than embedding.
_WORTH_ASKING = 0.2
_MAX_DONORS = 2
_MOVED_SHARE = 0.5
_LONGEST_QUESTION_SECONDS = 20.0


@define
class Opened:
    """An index, and where it stands."""

    standing: Standing
    index: Index
    writable: bool


@define
class Donor:
    """Another folder's index, and how much of the new files it knows."""

    standing: Standing
    index: Index
    share: float

    @property
    def has_moved(self) -> bool:
        """Return whether its folder is gone and most of it turned up here."""
        return self.share >= _MOVED_SHARE and not self.standing.root.exists()


class FolderIndexes:
    """Opens, swaps and closes the indexes of one root. Safe to use from several threads."""

    def __init__(self, root: Path, shelf: Shelf) -> None:
        self._root = root
        self._shelf = shelf
        self._answering: Opened | None = None
        self._building: Opened | None = None
        self._renewing = False
        self._retired: list[_Retired] = []
        self._lock = RLock()

    def answering(self) -> Opened:
        """Return the index to search. Raises IndexMissing if nothing was ever indexed here."""
        with self._lock:
            current = self._shelf.answering(self._root)
            if self._answering is not None and self._answering.standing == current:
                return self._answering
            if current is None:
                raise IndexMissing(self._root)
            self._replace_answering(_open(current, writable=False))
            assert self._answering is not None
            return self._answering

    @property
    def has_answers(self) -> bool:
        """Return whether there is an index to search, open or not."""
        return self._shelf.answering(self._root) is not None

    @property
    def current(self) -> Index | None:
        """Return the index that answers if it is open already; never waits for one that is being opened."""
        opened = self._answering
        return opened.index if opened is not None else None

    def writable(self, model: str, embedder: Embedder) -> Opened:
        """Return the index for `model`, open for writing.

        It answers at once when nothing else does; else `publish` lets it. Raises IndexBusy,
        IndexUnwritable.
        """
        wanted = fingerprint(embedder)
        with self._lock:
            for opened in (self._building, None if self._renewing else self._answering):
                if opened is not None and opened.standing.fingerprint == wanted and opened.writable:
                    return opened
            current = self._shelf.answering(self._root)
            standing = Standing(
                self._root, self._directory(wanted, current), model, wanted, embedder.dimensions
            )
            opened = _open(standing, writable=True)
            if current is None or current.directory == standing.directory:
                # Nothing better answers yet: even a part of the index is worth searching.
                self._shelf.publish(standing)
                # What an engine that was killed left of an index that was built anew.
                unfinished = self._shelf.place(self._root, wanted, beside=standing.directory)
                self._shelf.discard(evolve(standing, directory=unfinished))
                self._replace_answering(opened)
            else:
                self._building = opened
            return opened

    def renew(self) -> None:
        """Have `writable` begin a new index, which takes over when it is complete; the one there is answers until then."""
        with self._lock:
            self._abandon()
            retired, self._retired = self._retired, []
            for old in retired:
                old.end()  # the new one may take its place
            current = self._shelf.answering(self._root)
            if current is not None:
                self._renewing = True
                spare = self._shelf.place(self._root, current.fingerprint, beside=current.directory)
                self._shelf.discard(evolve(current, directory=spare))

    def shown(self, opened: Opened) -> Opened | None:
        """Return where open texts are shown while `opened` is written: the index that answers, if it takes their rows."""
        answering = self.answering()
        takes = answering.writable and answering.standing.fingerprint == opened.standing.fingerprint
        return answering if takes else None

    def answers(self, opened: Opened) -> bool:
        """Return whether questions are answered by `opened` now."""
        return self._answering is opened

    def publish(self, opened: Opened) -> None:
        """Let a completed index answer, and delete the one it replaces."""
        with self._lock:
            if self._building is not opened:
                return
            old = self._shelf.answering(self._root)
            self._shelf.publish(opened.standing)
            self._building, self._renewing = None, False
            self._replace_answering(opened, obsolete=old)

    def donors(self, opened: Opened, entries: Sequence[Entry]) -> list[Donor]:
        """Return other folders' indexes whose vectors can serve many of `entries`, open for reading."""
        new = {(entry.path, entry.size) for entry in entries if entry.path not in opened.index.files}
        if not new:
            return []
        found = []
        for standing in self._shelf.others(self._root, opened.standing.fingerprint):
            donor = _donor(standing, new)
            if donor is not None:
                found.append(donor)
        found.sort(key=lambda donor: -donor.share)
        for donor in found[_MAX_DONORS:]:
            donor.index.close()
        return found[:_MAX_DONORS]

    def release(self, donors: Sequence[Donor]) -> None:
        """Close donors, and delete the index of a folder that has moved here."""
        for donor in donors:
            donor.index.close()
            if donor.has_moved:
                self._shelf.discard(donor.standing)

    def close(self) -> None:
        """Close all; others may write then."""
        with self._lock:
            for opened in (self._answering, self._building):
                if opened is not None:
                    opened.index.close()
            self._answering = self._building = None
            self._renewing = False
            retired, self._retired = self._retired, []
        for old in retired:
            old.end()

    def _directory(self, wanted: Fingerprint, current: Standing | None) -> Path:
        if current is None or current.fingerprint != wanted:
            return self._shelf.place(self._root, wanted)
        if self._renewing:
            return self._shelf.place(self._root, wanted, beside=current.directory)
        return current.directory

    def _abandon(self) -> None:
        """Delete what is being built, and is not what is wanted any more."""
        unfinished, self._building, self._renewing = self._building, None, False
        if unfinished is not None:
            unfinished.index.close()
            self._shelf.discard(unfinished.standing)

    def _replace_answering(self, opened: Opened, obsolete: Standing | None = None) -> None:
        """Let `opened` answer from now on; questions that the old one is answering get their answers."""
        old, self._answering = self._answering, opened
        if old is not None:
            self._retired = [one for one in self._retired if not one.ended]
            self._retired.append(_Retired(old, lambda: self._forget(obsolete)))
        else:
            self._forget(obsolete)

    def _forget(self, obsolete: Standing | None) -> None:
        if obsolete is not None:
            self._shelf.discard(obsolete)


class _Retired:
    """An index that answers no new questions, closed when those it was asked before are answered, or must be."""

    def __init__(self, opened: Opened, then: Callable[[], None]) -> None:
        self._index = opened.index
        self._then = then
        self._lock = Lock()
        self.ended = False
        self._timer = Timer(_LONGEST_QUESTION_SECONDS, self.end)
        self._timer.daemon = True
        self._timer.start()
        # Questions hold it for as long as they are answered.
        weakref.finalize(opened, self._end_apart).atexit = False

    def _end_apart(self) -> None:
        """Close it in a thread of its own: whoever let go of it last may hold any lock, and is in a hurry."""
        Thread(target=self.end, name="conexus-retired", daemon=True).start()

    def end(self) -> None:
        """Close it now, or wait until it is closed. Idempotent."""
        with self._lock:
            if self.ended:
                return
            self._timer.cancel()
            self._index.close()
            self._then()
            self.ended = True


def fingerprint(embedder: Embedder) -> Fingerprint:
    """Return what makes an index with this embedder what it is."""
    return Fingerprint(CHUNKER_VERSION, embedder.identity, TERMS_VERSION)


def _open(standing: Standing, *, writable: bool) -> Opened:
    index = Index.open(
        standing.directory,
        standing.fingerprint,
        standing.dimensions,
        writable=writable,
        vocabulary=embedded_vocabulary().terms,
    )
    return Opened(standing, index, writable)


def _donor(standing: Standing, new: set[tuple[str, int]]) -> Donor | None:
    try:
        index = _open(standing, writable=False).index
    except (StoreError, OSError):
        return None  # a neighbour's trouble is the neighbour's to report
    shared = sum((record.path, record.size) in new for record in index.files.values())
    if shared < _WORTH_ASKING * len(new):
        index.close()
        return None
    return Donor(standing, index, shared / max(1, len(index.files)))
