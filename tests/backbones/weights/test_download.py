from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backbones.weights.download import DownloadError, RemoteFile, fetch

CONTENT = bytes(range(256)) * 9000  # more than two pieces
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT whole, broken off, without its length, or not at all."""

    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/no-length":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/silent":
            self.server.released.wait(10)  # type: ignore[attr-defined]
            return
        self.wfile.write(CONTENT[:1000] if self.path == "/broken-off" else CONTENT)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # so that closing waits for them
    server.requests = []  # type: ignore[attr-defined]
    server.released = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def remote(server: ThreadingHTTPServer) -> Callable[..., RemoteFile]:
    def make(path: str = "net.bin", algorithm: str = "sha256", digest: str = SHA256) -> RemoteFile:
        return RemoteFile(f"http://127.0.0.1:{server.server_port}/{path}", algorithm, digest)

    return make


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("sha256", SHA256), ("sha256", SHA256[:8]), ("sha1", SHA1)]
)
def test_a_file_is_fetched_once_and_then_taken_from_the_folder(
    remote: Callable[..., RemoteFile],
    server: ThreadingHTTPServer,
    tmp_path: Path,
    algorithm: str,
    digest: str,
) -> None:
    seen: list[tuple[int, int]] = []
    wanted = remote("net.bin", algorithm, digest)
    path = fetch(wanted, lambda *pair: seen.append(pair), folder=tmp_path / "new")
    assert path == tmp_path / "new/net.bin"
    assert path.read_bytes() == CONTENT
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(wanted, ignore, folder=tmp_path / "new") == path
    assert len(server.requests) == 1  # type: ignore[attr-defined]


def test_a_server_that_does_not_say_the_length_is_no_obstacle(
    remote: Callable[..., RemoteFile], tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(remote("no-length"), lambda *pair: seen.append(pair), folder=tmp_path)
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), 0)


def test_a_damaged_file_in_the_folder_is_fetched_again(
    remote: Callable[..., RemoteFile], tmp_path: Path
) -> None:
    (tmp_path / "net.bin").write_bytes(b"half")
    assert fetch(remote(), ignore, folder=tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "digest", "message"),
    [
        ("net.bin", "0" * 64, "its sha256 is .* in place of 0000.*try another network"),
        ("broken-off", SHA256, "broke off after 1000 of 2304000 bytes; run the command again"),
        ("missing", SHA256, "the server answered 404 Not Found; fetch the file by hand"),
        ("silent", SHA256, "cannot be fetched .*timed out.*; check the network"),
    ],
)
def test_what_goes_wrong_is_named_and_leaves_nothing_behind(
    remote: Callable[..., RemoteFile], tmp_path: Path, path: str, digest: str, message: str
) -> None:
    wanted = remote(path, digest=digest)
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(wanted, ignore, folder=tmp_path, timeout=0.3 if path == "silent" else 30)
    assert str(caught.value).startswith(f"{wanted.url}: ")
    assert list(tmp_path.iterdir()) == []


def test_no_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    nowhere = RemoteFile("http://127.0.0.1:9/net.bin", "sha256", SHA256)
    with pytest.raises(DownloadError, match="check the network, or fetch the file by hand"):
        fetch(nowhere, ignore, folder=tmp_path)


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("text")
    local = RemoteFile((tmp_path / "secret").as_uri(), "sha256", SHA256)
    with pytest.raises(DownloadError, match="not an address of http or https"):
        fetch(local, ignore, folder=tmp_path / "cache")
