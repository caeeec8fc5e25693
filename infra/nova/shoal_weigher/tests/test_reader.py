import gzip
import os
import tempfile
import threading
import time
import types
import unittest

from shoal_weigher import reader
from shoal_weigher import snapshot
from tests.fake_seed import document
from tests.fake_seed import FakeSeed
from tests.fake_seed import reply

IMAGE = '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11'
DOCUMENT = document(['compute-1', 'compute-2'], {IMAGE: {'runs': [0, 1, 255]}})


def settings(url, **others):
    values = {'seed_url': url, 'token_file': None, 'ca_file': None, 'timeout_seconds': 5.0, 'interval_seconds': 0.02}
    return types.SimpleNamespace(**{**values, 'max_age_seconds': 30.0, **others})


def still_reader(url, **others):
    """One that has no thread: a test says when it asks."""
    made = reader.SnapshotReader(settings(url, **others))
    made._pid = os.getpid()
    return made


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class ReaderTest(unittest.TestCase):
    def ask(self, answer, **others):
        with FakeSeed(answer) as seed:
            made = still_reader(seed.url, **others)
            made.refresh()
            return made, seed.requests

    def test_what_the_seed_says_is_there_afterwards(self):
        with self.assertLogs('shoal_weigher', 'INFO') as logs:
            made, requests = self.ask(lambda handler: reply(handler, DOCUMENT))
        self.assertIn('1 images on 2 nodes', logs.output[0])
        self.assertEqual(1.0, made.current().scores_of(IMAGE)('compute-1'))
        self.assertEqual('/v1/scheduler/snapshot', requests[0][0])
        self.assertNotIn('Authorization', requests[0][1])

    def test_a_packed_answer_is_unpacked(self):
        made, requests = self.ask(lambda handler: reply(handler, gzip.compress(DOCUMENT), Content_Encoding='gzip'))
        self.assertEqual(2, made.current().node_count)
        self.assertEqual('gzip', requests[0][1]['Accept-Encoding'])

    def test_the_token_is_read_anew_each_time(self):
        with tempfile.NamedTemporaryFile('w') as file, FakeSeed(lambda handler: reply(handler, DOCUMENT)) as seed:
            made = still_reader(seed.url, token_file=file.name)
            for token in ('first', 'second'):
                file.seek(0)
                file.truncate()
                file.write(token + '\n')
                file.flush()
                made.refresh()
            self.assertEqual(['Bearer first', 'Bearer second'], [sent['Authorization'] for _, sent in seed.requests])

    def test_an_etag_is_sent_back_and_304_makes_what_is_held_fresh(self):
        def answer(handler):
            if handler.headers.get('If-None-Match') == '"one"':
                handler.send_response(304)
                handler.send_header('ETag', '"one"')
                handler.end_headers()
            else:
                reply(handler, DOCUMENT, ETag='"one"')

        with FakeSeed(answer) as seed:
            clock = Clock()
            made = reader.SnapshotReader(settings(seed.url), clock)
            made._pid = os.getpid()
            made.refresh()
            first = made.current()
            clock.now += 29
            made.refresh()
            clock.now += 29
            self.assertIs(first, made.current())
            self.assertEqual([None, '"one"'], [sent.get('If-None-Match') for _, sent in seed.requests])
            clock.now += 2
            self.assertIsNone(made.current())

    def test_a_304_to_somebody_who_has_nothing_is_no_answer(self):
        made, _ = self.ask(lambda handler: reply(handler, b'', 304))
        self.assertIsNone(made.current())

    def test_what_goes_wrong_leaves_what_is_held_until_it_is_old(self):
        answers = [
            lambda handler: reply(handler, DOCUMENT),
            lambda handler: reply(handler, b'{"code":"SHOAL"}', 503),
            lambda handler: reply(handler, b'<html>', 200),
            lambda handler: reply(handler, gzip.compress(DOCUMENT)[:-9], Content_Encoding='gzip'),
            lambda handler: reply(handler, b'not gzip', Content_Encoding='gzip'),
            lambda handler: handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n' + DOCUMENT),
            lambda handler: handler.wfile.write(b'\x00\xff' * 50),
            lambda handler: reply(handler, b'', 302, Location='http://127.0.0.1:9/'),
        ]
        with FakeSeed(lambda handler: answers.pop(0)(handler)) as seed:
            made = still_reader(seed.url)
            made.refresh()
            held = made.current()
            self.assertIsNotNone(held)
            with self.assertLogs('shoal_weigher', 'WARNING') as logs:
                while answers:
                    made.refresh()
                    self.assertIs(held, made.current())
            # Each new kind of trouble once.
            self.assertEqual(7, len(logs.output), logs.output)
            self.assertIn('503', logs.output[0])

    def test_a_bomb_is_not_unpacked(self):
        bomb = gzip.compress(b' ' * (snapshot.MAX_DOCUMENT_BYTES * 4))
        made, _ = self.ask(lambda handler: reply(handler, bomb, Content_Encoding='gzip'))
        self.assertIsNone(made.current())
        self.assertIn('more than', made._problem)

    def test_a_seed_that_drips_is_left_when_the_time_is_over(self):
        over = threading.Event()

        def answer(handler):
            handler.wfile.write(b'HTTP/1.1 200 OK\r\nX-Slow: ')
            while not over.wait(0.05):
                handler.wfile.write(b'a')

        began = time.monotonic()
        made, _ = self.ask(answer, timeout_seconds=0.3)
        over.set()
        self.assertIsNone(made.current())
        self.assertLess(time.monotonic() - began, 5)

    def test_a_seed_that_is_not_there_and_one_that_has_no_address(self):
        for url in ('http://127.0.0.1:9', 'http://[::1', 'http://127.0.0.1:notaport', 'http://'):
            made = still_reader(url)
            made.refresh()
            self.assertIsNone(made.current(), url)
            self.assertIsNotNone(made._problem, url)

    def test_the_thread_begins_with_the_first_use_and_a_fork_has_its_own(self):
        asked = threading.Semaphore(0)

        def answer(handler):
            reply(handler, DOCUMENT)
            asked.release()

        with FakeSeed(answer) as seed:
            made = reader.SnapshotReader(settings(seed.url))
            self.assertEqual([], seed.requests)
            made.current()
            self.assertTrue(asked.acquire(timeout=20))
            child = os.fork()
            if child == 0:
                # What the parent held is no longer asked for here, until somebody uses it.
                made._held = (None, 0.0, None)
                ends = time.monotonic() + 20
                while made.current() is None and time.monotonic() < ends:
                    time.sleep(0.01)
                os._exit(0 if made.current() is not None else 1)
            _, status = os.waitpid(child, 0)
            made.stop()
            self.assertEqual(0, status)

    def test_without_a_seed_there_is_no_thread(self):
        made = reader.SnapshotReader(settings(None))
        before = threading.active_count()
        self.assertIsNone(made.current())
        self.assertEqual(before, threading.active_count())
