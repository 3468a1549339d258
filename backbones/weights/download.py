"""Fetching published files into the user's cache folder, checked, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from foundation.cache_folder import cache_folder
from foundation.files import whole_file

_TIMEOUT = 30.0  # seconds that a server may be silent
_PIECE = 1 << 20  # bytes


class DownloadError(OSError):
    """A file could not be fetched; the message names the address, the fault and the remedy."""


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes
    ----------
    url : str
        http or https; its last part is the file's name.
    algorithm : str
        Of the checksum, as hashlib names it.
    digest : str
        The checksum in lower-case hexadecimal digits, or the first of them.
    """

    url: str
    algorithm: str
    digest: str

    @property
    def name(self) -> str:
        """The file's name."""
        return urlsplit(self.url).path.rpartition("/")[2]


def fetch(
    remote: RemoteFile,
    report: Callable[[int, int], None],
    *,
    folder: Path | None = None,
    timeout: float = _TIMEOUT,
) -> Path:
    """Return the path of a file in a folder, fetched if it is not there.

    Parameters
    ----------
    remote : RemoteFile
    report : callable
        Called with the bytes fetched so far and the bytes of the file, 0 where the server
        does not say.
    folder : Path, optional
        The user's cache folder when left out.
    timeout : float
        Seconds that the server may be silent.

    Raises
    ------
    DownloadError
        If there is no network, the server refuses or breaks off, or the checksum differs.
    OSError
        If the folder cannot be written.
    """
    folder = folder or cache_folder("weights")
    if folder is None:
        raise DownloadError(
            f"{remote.url}: there is no home folder to keep it in; set XDG_CACHE_HOME to a folder"
        )
    path = folder / remote.name
    if path.is_file() and _digest(path, remote.algorithm).startswith(remote.digest):
        return path
    with whole_file(path) as unfinished:
        with unfinished.open("wb") as file:
            _download(remote, file, report, timeout)
        found = _digest(unfinished, remote.algorithm)
        if not found.startswith(remote.digest):
            raise DownloadError(
                f"{remote.url}: its {remote.algorithm} is {found} in place of {remote.digest};"
                " what came is not what was published: try another network, or fetch it by hand"
            )
    return path


def _download(
    remote: RemoteFile, file: BinaryIO, report: Callable[[int, int], None], timeout: float
) -> None:
    if urlsplit(remote.url).scheme not in {"http", "https"}:
        raise DownloadError(f"{remote.url}: not an address of http or https")
    try:
        with urlopen(remote.url, timeout=timeout) as answer:  # noqa: S310 - checked above
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while piece := answer.read(_PIECE):
                file.write(piece)
                done += len(piece)
                report(done, total)
    except HTTPError as error:
        error.close()  # it is the answer, with its connection
        raise DownloadError(
            f"{remote.url}: the server answered {error.code} {error.reason}; fetch the file by"
            " hand and name it by --weights"
        ) from error
    except (OSError, HTTPException) as error:  # no network, no such server, silence
        raise DownloadError(
            f"{remote.url}: cannot be fetched ({error}); check the network, or fetch the file by"
            " hand and name it by --weights"
        ) from error
    if done < total:
        raise DownloadError(
            f"{remote.url}: broke off after {done} of {total} bytes; run the command again"
        )


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
