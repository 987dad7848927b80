"""Objects in a bucket of Amazon S3, Cloudflare R2, MinIO, or whatever else speaks S3.

Synchronous: nurseries run it in threads. obstore asks again, with growing pauses, what failed on the way or with a 5xx,
and gives up by itself; who must not lose an object keeps its file and comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from agent.config import Settings
from agent.errors import NotKept, StoreError
from agent.keep.keys import parts, public_url

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, RetryConfig, S3Config

PIECE = 256 * 1024

CONNECT_S, REQUEST_S = 5, 120
"""For one request, its bytes included: an hour's recording, 115 MB, takes so long at a megabyte a second."""

NO_BUCKET = "<Code>NoSuchBucket</Code>"
"""S3's word for it, a 404 as a missing object's is. It tells nothing about the object: the name may be wrong, or the
bucket be made later, and until then nothing may be taken for deleted."""

RETRIES: RetryConfig = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=150),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}


class S3Objects:
    """One bucket. Nothing is asked of it before it is used."""

    def __init__(self, settings: Settings, *, retries: RetryConfig = RETRIES, request_s: float = REQUEST_S) -> None:
        """Without S3_ACCESS_KEY, credentials are looked for as Amazon's own programs do: environment, then machine."""
        endpoint, key = settings.S3_ENDPOINT, settings.S3_ACCESS_KEY.get_secret_value()
        client: ClientConfig = {
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "timeout": timedelta(seconds=request_s),
            "allow_http": endpoint.startswith("http://"),
        }
        config: S3Config = {"region": settings.S3_REGION}
        if key:
            config |= {"access_key_id": key, "secret_access_key": settings.S3_SECRET_KEY.get_secret_value()}
        if endpoint:
            config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        self._bucket = settings.S3_BUCKET
        self._public = settings.S3_PUBLIC_URL
        self._store = S3Store(settings.S3_BUCKET, config=config, client_options=client, retry_config=retries)

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}"

    def put(self, key: str, path: Path, content_type: str) -> None:
        """In one request: R2 wants parts of equal size, which obstore's multipart upload does not make. The file is
        mapped, not read."""
        with self._told(key, wanted=False), path.open("rb") as file:
            sound = mmap(file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""
            try:
                attributes = {"Content-Type": content_type}
                obstore.put(self._store, _checked(key), sound, use_multipart=False, attributes=attributes)
            finally:
                if isinstance(sound, mmap):
                    sound.close()

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        options: GetOptions = {}
        if start or end is not None:
            size = self.size(key)
            if start >= (size if end is None else min(size, end)):  # S3 has no empty ranges
                return
            options = {"range": (start, size if end is None else min(size, end))}
        with self._told(key):
            for piece in obstore.get(self._store, _checked(key), options=options).stream(min_chunk_size=PIECE):
                yield bytes(piece)

    def size(self, key: str) -> int:
        with self._told(key):
            return obstore.head(self._store, _checked(key))["size"]

    def delete(self, key: str) -> None:
        with self._told(key):
            obstore.delete(self._store, _checked(key))

    def older(self, seconds: float) -> Iterator[str]:
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        with self._told("its list"):
            for page in obstore.list(self._store):
                yield from (each["path"] for each in page if each["last_modified"] <= before)

    def url(self, key: str) -> str:
        return public_url(self._public, key) if self._public else ""

    def close(self) -> None:
        pass

    @contextmanager
    def _told(self, key: str, *, wanted: bool = True) -> Iterator[None]:
        """`wanted`: an object that is not there is an answer."""
        try:
            yield
        except FileNotFoundError as error:
            if NO_BUCKET in str(error):
                raise StoreError(f"{self.name}: there is no such bucket; {key} is neither there nor gone") from None
            if wanted:
                raise NotKept(f"{self.name} has no object {key}") from None
            raise StoreError(f"{self.name}: {key}: {_in_words(error)}") from error
        except (BaseError, OSError, ValueError) as error:
            raise StoreError(f"{self.name}: {key}: {_in_words(error)}") from error


def _checked(key: str) -> str:
    parts(key)
    return key


def _in_words(error: Exception) -> str:
    """obstore tells what it says once more, as Rust sees it."""
    return " ".join(str(error).partition("Debug source:")[0].split())[:300]
