from __future__ import annotations

import pytest

from conexus.parsing.languages import GRAMMARS, grammar_of, language_of


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("src/a.py", b"", "python"),
        ("A.PY", b"", "python"),
        ("src/a.d.ts", b"", "typescript"),
        ("a.tsx", b"", "tsx"),
        ("a.mjs", b"", "javascript"),
        ("lib.rs", b"", "rust"),
        ("main.tf", b"", "terraform"),
        ("x.dart", b"", "dart"),
        ("x.proto", b"", "protobuf"),
        ("analysis.R", b"", "r"),
        ("App.vue", b"", "vue"),
        ("deploy/Dockerfile", b"", "dockerfile"),
        ("Dockerfile.dev", b"", "dockerfile"),
        ("Makefile", b"", "makefile"),
        ("CMakeLists.txt", b"", "cmake"),
        ("Gemfile", b"", "ruby"),
        ("Cargo.lock", b"", "toml"),
        ("n.ipynb", b"", "notebook"),
        ("run", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"#!/usr/bin/env -S python3 -u\n", "python"),
        ("run", b"#!/bin/sh -e\n", "bash"),
        ("run", b"#! /usr/local/bin/node\n", "javascript"),
        ("run", b"#!/usr/bin/python2.7\n", "python"),
        ("run", b"#!/usr/bin/perl -w\n", "perl"),
        ("rc", b"# -*- mode: ruby; coding: utf-8 -*-\n", "ruby"),
        ("rc", b"// -*- C++ -*-\n", "cpp"),
        ("rc", b"# vim: set ft=lua :\n", "lua"),
        ("page", b"<?php echo 1;", "php"),
        ("feed", b"<?xml version='1.0'?>", "xml"),
        ("list.h", b"#include <stdlib.h>\nstruct a;\n", "c"),
        ("list.h", b"// the class of errors\nint f(void);\n", "c"),
        ("shape.h", b"#pragma once\nnamespace geo {\n", "cpp"),
        ("shape.h", b"template <typename T> T f();", "cpp"),
        ("View.h", b"#import <UIKit/UIKit.h>\n@interface View\n", "objective-c"),
        ("notes", b"just words", "text"),
        ("notes", b"", "text"),
        ("a.unknown", b"\x00\xff", "text"),
        (".gitignore", b"", "text"),
        ("run", b"#!/usr/bin/env nothing-known\n", "text"),
    ],
)
def test_language(path, head, language):
    assert language_of(path, head) == language


@pytest.mark.parametrize("language", sorted(GRAMMARS))
def test_grammars_load_once(language):
    assert grammar_of(language) is grammar_of(language)


def test_no_grammar_is_an_error():
    with pytest.raises(KeyError):
        grammar_of("dart")
