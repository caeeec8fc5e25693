"""One question to the seed, within a time and a size."""

import http.client
import io
import socket
import ssl
import time
import urllib.parse
import zlib

from shoal_weigher import snapshot

PATH = '/v1/scheduler/snapshot'
MAX_TOKEN_BYTES = 4096
CHUNK_BYTES = 65536


class FetchFailed(Exception):
    """There is no snapshot to be had now."""


def fetch(settings, etag):
    """Asks once. Returns (document, etag), or (None, etag) when what one has holds still. Raises FetchFailed."""
    try:
        return _fetch(settings, etag)
    except FetchFailed:
        raise
    except (OSError, ValueError, http.client.HTTPException, zlib.error) as error:
        raise FetchFailed(f'{type(error).__name__}: {error}') from error


def _fetch(settings, etag):
    deadline = time.monotonic() + settings.timeout_seconds
    url = urllib.parse.urlsplit(settings.seed_url)
    headers = {'Accept': 'application/json', 'Accept-Encoding': 'gzip', 'Connection': 'close'}
    if etag is not None:
        headers['If-None-Match'] = etag
    if settings.token_file:
        headers['Authorization'] = f'Bearer {_token(settings.token_file)}'
    # Neither proxies nor redirects: it is one machine of the same cloud.
    connection = http.client.HTTPConnection(url.hostname or '', url.port)
    with _connect(url, settings) as connected:
        connection.sock = _TimedSocket(connected, deadline)
        connection.request('GET', url.path.rstrip('/') + PATH, headers=headers)
        return _read(connection.getresponse(), etag)


def _read(response, etag):
    if response.status == 304 and etag is not None:
        return None, etag
    if response.status != 200:
        raise FetchFailed(f'the seed answered {response.status}')
    is_packed = response.headers.get('Content-Encoding', 'identity').lower() == 'gzip'
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS) if is_packed else None
    length = response.headers.get('Content-Length')
    parts, size, received = [], 0, 0
    while length is None or received < int(length):
        part = response.read1(CHUNK_BYTES)
        if not part:
            break
        received += len(part)
        # One octet beyond the bound is enough to see that it is broken.
        room = snapshot.MAX_DOCUMENT_BYTES + 1 - size
        part = part if inflater is None else inflater.decompress(part, room)
        parts.append(part)
        size += len(part)
        if size > snapshot.MAX_DOCUMENT_BYTES:
            raise FetchFailed(f'the document has more than {snapshot.MAX_DOCUMENT_BYTES} bytes')
    # read1 does not tell when a connection ends before all was sent.
    is_cut = received < int(length) if length is not None else False
    if is_cut or (inflater is not None and not inflater.eof):
        raise FetchFailed('the document is cut')
    return b''.join(parts), response.headers.get('ETag')


def _token(path):
    with open(path, encoding='ascii') as file:
        return file.read(MAX_TOKEN_BYTES).strip()


def _connect(url, settings):
    if not url.hostname:
        raise FetchFailed('seed_url names no host')
    port = url.port or (443 if url.scheme == 'https' else 80)
    plain = socket.create_connection((url.hostname, port), timeout=settings.timeout_seconds)
    try:
        if url.scheme != 'https':
            return plain
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        return context.wrap_socket(plain, server_hostname=url.hostname)
    except BaseException:
        plain.close()
        raise


class _TimedSocket:
    """As much of a socket as http.client wants, with one time for everything: its own begins anew with each octet."""

    def __init__(self, connected, deadline):
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data):
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def makefile(self, _mode):
        return io.BufferedReader(_TimedReader(self))

    def recv_into(self, buffer):
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def close(self):
        """http.client lets go of it before the answer is read; who made it closes it."""

    def _left(self):
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError('the seed takes too long')
        return left


class _TimedReader(io.RawIOBase):
    def __init__(self, timed):
        self._timed = timed

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._timed.recv_into(buffer)
