"""Which packages may teach the model: permissive licences, and no repository of a retrieval benchmark."""

from __future__ import annotations

import re

# Repositories of the retrieval benchmarks the model is measured on, by the names their packages and
# folders go by, and well-known projects that such benchmarks like to use.
EXCLUDED = frozenset(
    [
        "aiohttp",
        "click",
        "fastapi",
        "flask",
        "httpx",
        "model2vec",
        "pydantic",
        "pydantic-core",
        "requests",
        "starlette",
        "axios",
        "express",
        "redux",
        "reduxjs-toolkit",
        "trpc",
        "trpc-server",
        "trpc-client",
        "vitest",
        "zod",
        "vite",
        "hono",
        "axum",
        "serde",
        "serde-json",
        "serde-derive",
        "tokio",
        "actix-web",
        "gin",
        "chi",
        "cobra",
        "github-gin-gonic-gin",
        "github-go-chi-chi",
        "github-spf13-cobra",
        "curl",
        "libuv",
        "libuv1",
        "redis",
        "hiredis",
        "gson",
        "commons-lang",
        "commons-lang3",
        "jackson-databind",
        "okhttp",
        "retrofit",
        "rack",
        "rails",
        "sinatra",
        "ruby-rack",
        "ruby-sinatra",
        "ruby-rails",
        "jekyll",
        "devise",
        "guzzle",
        "monolog",
        "laravel-framework",
        "php-guzzlehttp-guzzle",
        "php-monolog",
        "slim",
        "abseil",
        "fmtlib",
        "fmt",
        "nlohmann-json",
        "catch2",
        "dapper",
        "newtonsoft-json",
        "serilog",
        "polly",
        "automapper",
        "mediatr",
        "phoenix",
        "plug",
        "ecto",
        "pandoc",
        "aeson",
        "haskell-aeson",
        "servant",
        "haskell-servant",
        "hlint",
        "xmonad",
        "postgrest",
        "exposed",
        "ktor",
        "koin",
        "kotlinx-coroutines",
        "cats",
        "cats-effect",
        "http4s",
        "zio",
        "vapor",
        "alamofire",
        "swift-nio",
        "mini-nvim",
        "telescope",
        "lazy-nvim",
        "lualine",
        "bats",
        "bats-core",
        "nvm",
        "asdf",
        "acme-sh",
        "pyenv",
        "zig-clap",
        "zls",
    ]
)
_PERMISSIVE = re.compile(
    r"MIT|Expat|BSD|Apache|ISC|Zlib|BSL|Boost|Unlicense|CC0|public.domain|PostgreSQL|PSF|Python Software"
    r"|Artistic-2|Ruby|OpenSSL|curl|X11|WTFPL|libpng|TCL|FreeBSD|0BSD|HPND|ZPL|Zope|IJG|FTL|NTP|Unicode",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(
    r"GPL|MPL|EPL|CDDL|EUPL|CC-BY-NC|Proprietary|SSPL|Elastic|BUSL|Business", re.IGNORECASE
)
# "GPL-2.0-or-later" and "GPL-2 or (at your option) any later version" offer no other licence.
_EITHER = re.compile(
    r"(?<!-)\bor\b(?!-|[\s(]*(?:later|newer|above|greater|any|at your))|\w/\w", re.IGNORECASE
)
# Where these stand, not everything in the package is under each of the names.
_IN_PARTS = re.compile(
    r"\b(?:and|mostly|mainly|largely|some|partly|partially|parts?|portions?|except|others?|otherwise|unless"
    r"|various|mixed)\b|[,;&]",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\w+://\S+")
_WIDE = re.compile(r"MIT|Expat|Apache|BSD")


def is_permissive(licence: str) -> bool:
    """Tell whether `licence`, as a package declares it, lets us learn from the package.

    "GPL or MIT" is taken as MIT; a licence without a known permissive name is refused. So is one with a copyleft
    name that does not offer it as a choice for the whole package: "MIT and GPL", "mostly MIT, some GPL/BSD".
    """
    if not _PERMISSIVE.search(licence):
        return False
    if not _COPYLEFT.search(licence):
        return True
    stated = _ADDRESS.sub("", licence)
    chosen = _EITHER.search(stated) and not _IN_PARTS.search(stated)
    return bool("GPL" in stated and chosen and _WIDE.search(stated))


def is_excluded(name: str) -> bool:
    """Tell whether a package or folder called `name` belongs to a benchmark repository."""
    plain = re.sub(r"[_./]", "-", name.lower().removeprefix("@"))
    return plain in EXCLUDED


def in_excluded_folder(path: str) -> bool:
    """Tell whether the file lies in a copy of a benchmark repository."""
    return any(is_excluded(part) for part in path.split("/")[:-1] if part not in _COMMON_FOLDERS)


# Names of excluded projects that are also everyday names of folders.
_COMMON_FOLDERS = frozenset(
    [
        "click",
        "rack",
        "rails",
        "requests",
        "redis",
        "plug",
        "gin",
        "chi",
        "express",
        "phoenix",
        "slim",
        "fmt",
        "curl",
        "cats",
    ]
)


def debian_licence(copyright_: str) -> str:
    """Return the licence of most files that a Debian `copyright` file names, or its beginning."""
    match = re.search(r"^Files:\s*\*\s*\n(?:.*\n)*?License:\s*(.+)$", copyright_, re.MULTILINE)
    match = match or re.search(r"^License:\s*(.+)$", copyright_, re.MULTILINE)
    return match[1] if match else copyright_[:3000]
