"""The listening side: accepts connections and gives each association a thread."""

import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable

from radbridge.dicom_edge.scp.association import Association, Limits, OpenSession
from radbridge.dicom_edge.scp.connection import Connection
from radbridge.dicom_edge.scp.negotiation import FindPeer

_BACKLOG = 128
_SPARE_CONNECTIONS = 32
"""Beyond the limit of associations, so that there is room to say no."""

_log = logging.getLogger(__name__)


class DicomServer:
    """Listens on a port and runs associations in threads.

    :param associations_max: more are rejected as transient, many more are closed without a word.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        associations_max: int,
        find_peer: FindPeer,
        open_session: OpenSession,
        limits: Limits,
    ) -> None:
        self._host = host
        self._port = port
        self._associations_max = associations_max
        self._find_peer = find_peer
        self._open_session = open_session
        self._limits = limits
        self._listener: socket.socket | None = None
        self._open: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port listened on; 0 before ``start``."""
        return self._listener.getsockname()[1] if self._listener else 0

    @property
    def associations(self) -> int:
        """Connections that are open now."""
        return len(self._open)

    def start(self) -> None:
        """Listen.

        :raises OSError: the port is taken.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, name="dicom-accept", daemon=True)
        self._acceptor.start()

    def stop(self, grace_seconds: float) -> None:
        """Listen no longer, let associations end by themselves for a while, then cut them."""
        self._stopping.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        if self._acceptor is not None:
            self._acceptor.join()
        deadline = time.monotonic() + grace_seconds
        for connection, thread in self._snapshot():
            connection.hurry()
            thread.join(max(0.0, deadline - time.monotonic()))
        for connection, thread in self._snapshot():
            connection.cut()
            thread.join(1.0)

    def _snapshot(self) -> list[tuple[Connection, threading.Thread]]:
        with self._lock:
            return list(self._open.items())

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopping.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    time.sleep(0.1)
                continue
            if self.associations >= self._associations_max + _SPARE_CONNECTIONS:
                sock.close()
                continue
            try:
                self._begin(sock, str(address[0]))
            except (OSError, RuntimeError):
                _log.exception("a connection could not be served")
                sock.close()

    def _begin(self, sock: socket.socket, address: str) -> None:
        connection = Connection(
            sock, pdu_length_max=self._limits.pdu_length_max, stall_seconds=self._limits.stall_seconds
        )
        association = Association(
            connection,
            address,
            find_peer=self._find_peer,
            has_room=lambda: self.associations <= self._associations_max,
            open_session=self._open_session,
            limits=self._limits,
        )
        thread = threading.Thread(target=self._run, args=(connection, association.run), name="dicom", daemon=True)
        with self._lock:
            self._open[connection] = thread
        thread.start()

    def _run(self, connection: Connection, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            with self._lock:
                del self._open[connection]
