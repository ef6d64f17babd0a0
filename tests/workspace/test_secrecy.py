"""No secret survives; ordinary code does; spans and lines stay where they were."""

from __future__ import annotations

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conexus.workspace.secrecy import is_secret, redact

_random = random.Random(7)


def made(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return a key-like string; built here, so that no scanner takes this file for a leak."""
    return "".join(_random.choices(alphabet, k=length))


_BASE64URL = string.ascii_letters + string.digits + "-_"
_JWT = ".".join([
    base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("="),
    base64.urlsafe_b64encode(b'{"sub":"1234567890"}').decode().rstrip("="),
    made(43, _BASE64URL),
])  # fmt: skip
_PEM = "\n".join(made(64) for _ in range(20))

KEYS = {
    "aws": "AKIA" + made(16, string.ascii_uppercase + string.digits),
    "github": "ghp_" + made(36),
    "github fine-grained": "github_pat_" + made(22) + "_" + made(59),
    "gitlab": "glpat-" + made(20),
    "slack": "xoxb-" + made(12, string.digits) + "-" + made(24),
    "google": "AIza" + made(35, _BASE64URL),
    "stripe": "sk_live_" + made(24),
    "jwt": _JWT,
    "sendgrid": "SG." + made(22) + "." + made(43),
    "npm": "npm_" + made(36),
    "model provider": "sk-ant-api03-" + made(40),
}

ASSIGNMENTS = [
    ('password = "{}"', "hunter2!x9"),
    ("password: '{}'", "Tr0ub4dor&3"),
    ("DB_PASSWORD='{}'", "letmein123"),
    ('"client_secret": "{}"', "abc-123-def-456"),
    ('{"accessToken": "%s"}', made(24)),
    ('api_key: "{}"', made(32, string.hexdigits.lower())),
    ("API_KEY={}\n", made(40) + "123"),
    ("token: {}\n", "9f86d081884c7d659a2feaa0c55ad015"),
    ('var secret = b"{}";', "s3cr3t/+value=="),
    ('settings["password"] = "{}"', "q9w8e7r6t5"),
    ('let password: String = "{}"', "q9w8e7r6t5"),
    ('aws_secret_access_key = "{}"', made(40)),
    ('password = "{}"', "пароль-abc-9!"),
    ("AccountKey={};EndpointSuffix=x", made(86) + "=="),
    ("https://hooks.slack.com/services/{}", f"T{made(8)}/B{made(8)}/{made(24)}"),
]

ORDINARY = [
    "password = get_password()",
    'password = ""',
    'password = "{password}"',
    'password = "%(password)s"',
    'password = os.environ["DATABASE_PASSWORD"]',
    'token = "identifier"',
    'token_url = "https://example.org/oauth2/token"',
    'secret_name = "projects/1/secrets/a"',
    'placeholder="Enter your password"',
    'API_KEY = "your-api-key-1234567890"',
    'assert sha256 == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
    'commit = "1b02337e1b02337e1b02337e1b02337e1b02337e"',
    'id = "123e4567-e89b-12d3-a456-426614174000"',
    "token = base64.b64encode(sha256_digest_of_everything1)",
    "token = tokenizer.next_token_with_lookahead_123(state)",
    "class HttpRequestSecretTokenProviderFactory2000Test: pass",
    'kind = "secret.generic.type"',
    "token: str = field(default_factory=make_token_0123456789)",
    "sha512-" + made(86) + "==",
    "key = sorted(items, key=lambda item: item.key)",
]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("line", ["{}", "x = '{}'", "# see {}, or not", "url?key={}&a=b", '\tf("{}")\r\n'])
def test_a_key_does_not_survive(key: str, line: str) -> None:
    text = "before = 1\n" * 200 + line.format(key) + "\nafter = 2\n" * 200
    redacted, count = redact(text.encode())
    assert count == 1
    assert redacted.decode() == text.replace(key, "*" * len(key))


@pytest.mark.parametrize(("line", "value"), ASSIGNMENTS)
def test_an_assigned_secret_does_not_survive(line: str, value: str) -> None:
    text = line.replace("%s", value) if "%s" in line else line.format(value)
    redacted, count = redact(text.encode())
    assert count == 1
    assert redacted == text.encode().replace(value.encode(), b"*" * len(value.encode()))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_code_is_left_alone(text: str) -> None:
    data = text.encode()
    assert redact(data) == (data, 0)
    assert redact(data)[0] is data


@pytest.mark.parametrize(
    "kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_a_private_key_keeps_its_lines(kind: str) -> None:
    text = f"a\n-----BEGIN {kind}-----\r\n{_PEM}\n-----END {kind}-----\nb\n"
    redacted, count = redact(text.encode())
    assert count == 1
    assert redacted.decode() == text.replace(_PEM, "\n".join(["*" * 64] * 20))


def test_a_private_key_that_never_ends_is_blanked() -> None:
    redacted, count = redact(f"-----BEGIN PRIVATE KEY-----\n{_PEM}\n".encode())
    assert count == 1
    assert set(redacted.decode().partition("\n")[2]) == {"*", "\n"}


def test_a_public_key_is_no_secret() -> None:
    text = f"-----BEGIN PUBLIC KEY-----\n{_PEM}\n-----END PUBLIC KEY-----\n".encode()
    assert redact(text) == (text, 0)


def test_a_key_that_is_also_assigned_counts_once() -> None:
    assert redact(f'password = "{KEYS["github"]}"'.encode())[1] == 1


_line = st.one_of(
    st.sampled_from(ORDINARY),
    st.sampled_from(
        [line.replace("%s", "{}").format(value) for line, value in ASSIGNMENTS if "%s" not in line]
    ),
    st.sampled_from(list(KEYS.values())),
    st.text(max_size=30),
)


@given(lines=st.lists(_line, max_size=12))
def test_length_and_lines_stay_and_nothing_is_left(lines: list[str]) -> None:
    text = "\n".join(lines).encode("utf-8", "replace")
    redacted, count = redact(text)
    assert len(redacted) == len(text)
    assert [i for i, byte in enumerate(redacted) if byte in b"\r\n"] == [
        i for i, byte in enumerate(text) if byte in b"\r\n"
    ]
    assert redact(redacted)[0] == redacted
    assert (count == 0) == (redacted == text)
    for key in KEYS.values():
        if key in lines:
            assert key.encode() not in redacted


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".ENV", ".env.local", ".env.production", ".envrc", "server.pem", "Server.KEY", "a.pfx", "a.p12", "a.jks",
        "a.keystore", "id_rsa", "id_rsa.pub", "id_ed25519", "id_ecdsa_sk", ".netrc", "_netrc", ".npmrc", ".pypirc",
        ".pgpass", ".htpasswd", ".git-credentials", "passwords.kdbx", "secrets.yaml", "Secrets.yml", ".ssh", ".aws",
        ".gnupg", ".kube", "terraform.tfstate",
    ],
)  # fmt: skip
def test_the_deny_list(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        ".env.example", ".env.local.sample", ".env.template", "env.py", "environment", "id.py", "keyboard.py", "a.keys",
        "secrets.py", "credentials.py", "ssh", "kube", ".github", "pem.rs", ".environment", "netrc.py", "x",
    ],
)  # fmt: skip
def test_what_is_not_on_the_deny_list(name: str) -> None:
    assert not is_secret(name)
