"""What a row is: Arrow schemas, the format's history, and rows as Arrow bytes made by workers."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from conexus.domain import DIGEST_SIZE, digest_of
from conexus.embedding.words import Runs, with_breaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from conexus.domain import Parsed

FORMAT = 1
"""Number of the layout on disk; another number is another directory.

1: chunks.lance and symbols.lance keyed by file_id, state.db as manifest.
"""


@frozen
class Fingerprint:
    """Everything that makes rows of two indexes interchangeable."""

    chunker: int
    model: str
    """`Embedder.identity`."""
    words: int
    format: int = FORMAT

    @property
    def key(self) -> str:
        """Return a short name, stable across runs, that is safe as a directory name."""
        text = f"{self.format}\0{self.chunker}\0{self.model}\0{self.words}"
        return f"{self.format}-{digest_of(text.encode()).hex()[:16]}"


def chunk_schema(dimensions: int) -> pa.Schema:
    """Return the schema of `chunks.lance`; `start` and `end` are bytes, `digest` is of the embedded text."""
    import pyarrow as pa

    # zstd on the words saves a tenth of the index; the other columns do not gain.
    zstd = {"lance-encoding:compression": "zstd", "lance-encoding:compression-level": "3"}
    return pa.schema(
        [
            *_columns(_CHUNK_PLACE),
            pa.field("symbol", pa.string()),
            pa.field("kind", pa.string()),
            pa.field("digest", pa.binary(DIGEST_SIZE)),
            pa.field("tokens", pa.string(), metadata=zstd),
            pa.field("vector", pa.list_(pa.float16(), dimensions)),
        ]
    )


def symbol_schema() -> pa.Schema:
    """Return the schema of `symbols.lance`; `line` is where the name stands, the rest is the span."""
    import pyarrow as pa

    return pa.schema(
        [
            *_columns(_SYMBOL_PLACE),
            pa.field("name", pa.string()),
            pa.field("kind", pa.string()),
            pa.field("container", pa.string()),
        ]
    )


@define
class RowsBuilder:
    """Collects the rows of many files in a worker, so that the writer only hands bytes on."""

    dimensions: int
    chunk_count: int = field(default=0, init=False)
    _chunks: dict[str, Any] = field(init=False)
    _symbols: dict[str, list[Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._chunks = {name: [] for name in (*_CHUNK_PLACE, "symbol", "kind", "digest", "tokens")}
        self._symbols = {name: [] for name in (*_SYMBOL_PLACE, "name", "kind", "container")}

    def add(self, file_id: int, parsed: Parsed, terms: Sequence[str], digests: Sequence[bytes]) -> None:
        """Add a file: for each of its chunks what full-text search counts, spaced, and the digest of its passage."""
        chunks, columns = parsed.chunks, self._chunks
        count = len(chunks)
        self.chunk_count += count
        columns["file_id"].extend([file_id] * count)
        columns["ord"].extend(range(count))
        _extend_spans(columns, [chunk.span for chunk in chunks])
        columns["symbol"].extend([_utf8(chunk.symbol) for chunk in chunks])
        columns["kind"].extend([chunk.kind for chunk in chunks])
        columns["digest"].extend(digests)
        columns["tokens"].extend(map(_utf8, terms))
        self._add_symbols(file_id, parsed)

    def say(self, runs: Runs, terms: Sequence[str]) -> None:
        """Put before what was added what full-text search counts of each chunk's text: its runs' `terms`, spaced."""
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = pa.array(map(_utf8, terms), pa.string()).take(pa.array(runs.numbers))
        said = pc.binary_join(pa.ListArray.from_arrays(pa.array(runs.starts), texts), "")
        more = pa.array(self._chunks["tokens"], pa.string())
        self._chunks["tokens"] = pc.ascii_rtrim(pc.binary_join_element_wise(said, more, ""), " ")

    def encode(self, vectors: NDArray[np.floating[Any]]) -> tuple[bytes, bytes]:
        """Return (chunks, symbols) as Arrow streams; `vectors` is float[chunk_count, dimensions], in order."""
        import numpy as np
        import pyarrow as pa

        if vectors.shape != (self.chunk_count, self.dimensions):
            raise ValueError(f"{vectors.shape} vectors for {self.chunk_count} chunks of {self.dimensions}")
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float16).reshape(-1))
        vector = pa.FixedSizeListArray.from_arrays(flat, self.dimensions)
        schema = chunk_schema(self.dimensions)
        chunks = _batch(schema, {**self._chunks, "vector": vector})
        return _stream(chunks), _stream(_batch(symbol_schema(), self._symbols))

    def _add_symbols(self, file_id: int, parsed: Parsed) -> None:
        symbols, columns = parsed.symbols, self._symbols
        columns["file_id"].extend([file_id] * len(symbols))
        columns["line"].extend([symbol.line for symbol in symbols])
        _extend_spans(columns, [symbol.span for symbol in symbols])
        columns["name"].extend([_utf8(symbol.name) for symbol in symbols])
        columns["kind"].extend([symbol.kind for symbol in symbols])
        columns["container"].extend([_utf8(symbol.container) for symbol in symbols])


def runs_of(texts: Sequence[bytes]) -> Runs:
    """Return the runs of `texts`, UTF-8: Arrow cuts and numbers them in a third of the time that Python takes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    data = with_breaks(b"".join(texts))
    cut = pc.ascii_split_whitespace(
        pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(data))
    )
    coded = cut.values.dictionary_encode()
    # As bytes, because a text may hold a lone surrogate.
    distinct = coded.dictionary.view(pa.binary()).to_pylist()
    return Runs(distinct, coded.indices.to_numpy(), cut.offsets.to_numpy())


def decode(stream: bytes) -> pa.Table:
    """Return the rows of one Arrow stream without copying them."""
    import pyarrow as pa

    return pa.ipc.open_stream(pa.py_buffer(stream)).read_all()


def vectors_of(rows: pa.Table) -> NDArray[np.float16]:
    """Return the `vector` column as float16[rows, dimensions]."""
    column = rows["vector"].combine_chunks()
    column = column.chunk(0) if hasattr(column, "chunks") else column
    vectors: NDArray[np.float16] = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return vectors


_SPAN = ("start", "end", "start_line", "end_line")
_BOUNDS = attrgetter(*_SPAN)
_CHUNK_PLACE = ("file_id", "ord", *_SPAN)
_SYMBOL_PLACE = ("file_id", "line", *_SPAN)


def _columns(names: Sequence[str]) -> list[Any]:
    import pyarrow as pa

    return [pa.field(name, pa.int32()) for name in names]


def _extend_spans(columns: dict[str, list[Any]], spans: Sequence[Any]) -> None:
    for name, values in zip(_SPAN, zip(*map(_BOUNDS, spans), strict=True), strict=False):
        columns[name].extend(values)


def _utf8(text: str) -> str:
    # Arrow strings are UTF-8; a lone surrogate (a path byte that is not UTF-8) would refuse the whole batch.
    return text if text.isascii() else text.encode(errors="replace").decode()


def _batch(schema: pa.Schema, columns: dict[str, Any]) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [
        values if isinstance(values := columns[item.name], pa.Array) else pa.array(values, item.type)
        for item in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _stream(batch: pa.RecordBatch) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())
