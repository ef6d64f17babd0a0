"""The recipe of the embedded model: pinned packages in, `server/conexus/embedding/model/` out.

    python -m bench.train STEP      fetch → mine → prepare → learn → quantise → evaluate, and check

bench/train/README.md says what each step reads and writes.
"""
