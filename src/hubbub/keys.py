"""What a node signs with and signs in with: the key of its tokens, and its credentials at NATS.

Before: the settings. After: `app.py`, which hands them to whoever needs them; `hubbub doctor`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from hubbub.config import ConfigError, Settings
from hubbub.fanout import nats

NO_SHARED_KEY: Final = "JWT_SECRET must be set, and the same, on every node that shares a database by HUBBUB_BUS."


def kept_secret(settings: Settings) -> str:
    """The key that signs tokens: made at first start, kept in the data directory, readable by its owner alone.

    Raises:
        ConfigError: the file is there and cannot be used; or other machines, which would not know the key, belong to it.
    """
    if settings.has_other_nodes and settings.database_url is not None:
        raise ConfigError(NO_SHARED_KEY)
    path = Path(settings.data_dir) / "jwt_secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        draft = path.with_name(f".jwt_secret.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # whole or not at all, and never over another's
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if len(secret) < 32:
        raise ConfigError(f"{path} holds no usable key; remove it to have a new one made (everybody signs in again).")
    return secret


def nats_address(settings: Settings) -> nats.Address:
    """Where NATS is, and how to sign in.

    Raises:
        ConfigError: the settings cannot be used, or a file that they name cannot be read.
    """
    try:
        address = nats.Address.read(
            settings.bus,
            credentials=settings.nats_credentials,
            ca=settings.nats_ca,
            certificate=settings.nats_certificate,
            key=settings.nats_key,
        )
        address.tls()
        address.sign_in()
    except ValueError as error:
        raise ConfigError(f"HUBBUB_BUS or HUBBUB_NATS_CREDENTIALS: {error}.") from None
    except OSError as error:
        raise ConfigError(f"A file of HUBBUB_NATS_… cannot be used: {error.strerror}: {error.filename}.") from None
    return address
