"""Writes a stand-in for semble's model (see `peers.stand_in_model`); run by the peers' interpreter."""

import string
import sys
from itertools import product
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

_TOKENS, _DIMENSIONS = 62_500, 256


def main() -> None:
    vocabulary, folder = Path(sys.argv[1]), sys.argv[2]
    characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = [
        f"##{''.join(letters)}" for n in (1, 2, 3) for letters in product(string.ascii_lowercase, repeat=n)
    ]
    words = ["[UNK]", *characters, *vocabulary.read_text().split(), *pieces]
    tokens = {token: index for index, token in enumerate(list(dict.fromkeys(words))[:_TOKENS])}
    tokenizer = Tokenizer(models.WordPiece(tokens, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    vectors = np.random.default_rng(0).standard_normal((len(tokens), _DIMENSIONS), np.float32)
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(folder)


if __name__ == "__main__":
    main()
