"""LanceDB works without the client it is loaded without, and nothing else is replaced."""

import os
import subprocess
import sys

import pytest

_IN_A_PROCESS_OF_ITS_OWN = """
import sys

from conexus.store.lean import load_lancedb
lancedb = load_lancedb()
assert lancedb is load_lancedb()
assert not any("StandIns" in repr(f) for f in sys.meta_path)

import lance_namespace, lance_namespace_urllib3_client as client
assert not any(hasattr(sys.modules[name], "__file__") for name in sys.modules if name.startswith("lance_namespace_urllib3_client.api."))
try:
    client.TableApi()
except NotImplementedError as error:
    assert "TableApi" in str(error)
else:
    raise AssertionError("a method of the remote client can be used")

import pyarrow as pa
table = lancedb.connect(sys.argv[1]).create_table("things", pa.table({"name": ["one", "two"]}))
assert table.search().where("name = 'two'").to_arrow()["name"].to_pylist() == ["two"]
print("fine")
"""


def test_lancedb_works_without_its_remote_client(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr


@pytest.mark.parametrize(("chosen", "threads"), [({}, range(2, 1_000)), ({"LANCE_CPU_THREADS": "7"}, [7])])
def test_both_searches_of_a_question_have_a_thread_unless_the_user_says_otherwise(chosen, threads):
    told = {name: value for name, value in os.environ.items() if name != "LANCE_CPU_THREADS"} | chosen
    script = "import os; from conexus.store.lean import load_lancedb as load; load(); print(os.environ['LANCE_CPU_THREADS'])"
    done = subprocess.run(
        [sys.executable, "-c", script], env=told, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) in threads
