"""Keeps the newest snapshot at hand, so that nobody who schedules waits for it."""

import logging
import os
import random
import threading
import time

from shoal_weigher import fetch
from shoal_weigher import snapshot

LOG = logging.getLogger(__name__)


class SnapshotReader:
    """Asks the seed in a thread of its own, which begins with the first use in a process: Nova forks its workers."""

    def __init__(self, settings, monotonic=time.monotonic):
        self._settings = settings
        self._monotonic = monotonic
        # Snapshot, when it was last known to hold, ETag: one tuple, so that it is read at once.
        self._held = (None, 0.0, None)
        # So that the first answer is told too.
        self._problem = 'the seed was not asked yet'
        self._starting = threading.Lock()
        self._pid = None
        self._stop = None

    def current(self):
        """The snapshot, or None when there is none that is fresh. Never waits, never raises."""
        if self._pid != os.getpid():
            self._start()
        held, at, _ = self._held
        if held is None or self._monotonic() - at > self._settings.max_age_seconds:
            return None
        return held

    def refresh(self):
        """Asks the seed once; what goes wrong is logged when it is new, and changes nothing."""
        held, _, etag = self._held
        # As old as the question: what the answer says held at least then.
        at = self._monotonic()
        try:
            document, new_etag = fetch.fetch(self._settings, etag if held is not None else None)
            self._held = (held if document is None else snapshot.parse(document), at, new_etag)
            self._tell(None)
        except (fetch.FetchFailed, snapshot.SnapshotInvalid) as error:
            self._tell(str(error))
        except Exception as error:  # noqa: B902 - a bug of ours must not end the thread
            self._tell(repr(error))

    def stop(self):
        """Ends the thread soon."""
        if self._stop is not None:
            self._stop.set()

    def _start(self):
        if not self._settings.seed_url or not self._starting.acquire(blocking=False):
            return
        try:
            if self._pid == os.getpid():
                return
            self._stop = threading.Event()
            thread = threading.Thread(target=self._run, args=(self._stop,), name='shoal-weigher', daemon=True)
            thread.start()
            self._pid = os.getpid()
        except Exception as error:  # noqa: B902 - no thread to be had: tried again with the next request
            self._tell(repr(error))
        finally:
            self._starting.release()

    def _run(self, stop):
        while not stop.is_set():
            self.refresh()
            # Many schedulers that begin together are not to ask together.
            stop.wait(self._settings.interval_seconds * random.uniform(0.9, 1.1))

    def _tell(self, problem):
        if problem == self._problem:
            return
        self._problem = problem
        if problem is None:
            held = self._held[0]
            LOG.info('Shoal: cache scores of %d images on %d nodes', held.image_count, held.node_count)
        else:
            LOG.warning('Shoal: no new cache scores, and hosts are weighed alike when the last ones are too old: %s', problem)
