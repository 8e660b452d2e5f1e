"""The key that signs access tokens, where no setting gives one."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from hubbub.config import ConfigError, Settings


def kept_secret(settings: Settings) -> str:
    """The key that signs tokens: made at first start, kept in the data directory, readable by its owner alone.

    Raises:
        ConfigError: the file is there and cannot be used; or other machines, which would not know the key, belong to it.
    """
    if settings.bus == "postgres" and settings.database_url is not None:
        raise ConfigError("JWT_SECRET must be set, and the same, on every node that shares a database by HUBBUB_BUS.")
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
