"""Where NATS is, and how to sign in, from the settings; nothing secret shows."""

from __future__ import annotations

import nacl.signing
import pytest
from tests.support.nats import credentials, seed_of

from hubbub.fanout.nats import Address, read_credentials


def test_forms() -> None:
    assert Address.read("nats://one").servers == (("one", 4222),)
    address = Address.read("nats://ann:p%40ss%2Cword@one:1,nats://two:2", ca="file")
    assert (address.servers, address.user, address.password) == ((("one", 1), ("two", 2)), "ann", "p@ss,word")
    assert address.sign_in()("") == {"user": "ann", "pass": "p@ss,word"}
    assert "p@ss" not in repr(address)
    token = Address.read("tls://s3cret@[::1]")
    assert (token.servers, token.needs_tls, token.sign_in()("")) == ((("::1", 4222),), True, {"auth_token": "s3cret"})
    assert "s3cret" not in repr(token)
    assert Address.read("nats://one").sign_in()("") == {}


@pytest.mark.parametrize(
    "urls",
    ["", "one:4222", "http://one", "nats://", "nats://one/x", "nats://one?x", "nats://one,tls://two",
     "nats://a:b@one,nats://c:d@two", "nats://one:port"],
)  # fmt: skip
def test_what_is_none_is_refused(urls: str) -> None:
    with pytest.raises(ValueError):
        Address.read(urls)


def test_a_credentials_file_gives_its_token_and_its_key() -> None:
    key = nacl.signing.SigningKey.generate()
    token, read = read_credentials(credentials("e.y.j", seed_of("U", key)))
    assert (token, bytes(read)) == ("e.y.j", bytes(key))
    assert seed_of("U", key).startswith("SU")


def test_what_is_none_is_not_believed() -> None:
    seed = seed_of("U", nacl.signing.SigningKey.generate())
    for text in ("", "x", credentials("e.y.j", seed[:-1]), credentials("e.y.j", "S" + seed), seed):
        with pytest.raises(ValueError, match="not a credentials file"):
            read_credentials(text)
    changed = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    with pytest.raises(ValueError, match="not a credentials file"):
        read_credentials(credentials("e.y.j", changed))
