import base64
import json
import unittest

from shoal_weigher import snapshot
from tests.fake_seed import document

IMAGE = '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11'
NODES = ['compute-1', 'compute-2', 'compute-3', 'compute-4']


def parse_one(entry, nodes=NODES, **others):
    return snapshot.parse(document(nodes, {IMAGE: entry}, **others))


class SnapshotTest(unittest.TestCase):
    def test_dense_and_runs_say_the_same(self):
        dense = {'dense': base64.b64encode(bytes([0, 64, 127, 255])).decode()}
        runs = {'runs': [1, 1, 64, 2, 1, 127, 3, 1, 255]}
        for entry in (dense, runs):
            score = parse_one(entry).scores_of(IMAGE)
            self.assertEqual([0.0, 64 / 255, 127 / 255, 1.0], [score(node) for node in NODES])

    def test_the_example_of_the_format_is_understood(self):
        images = {IMAGE: {'runs': [0, 2, 255, 3, 1, 64]}, 'other': {'dense': 'AEB//w=='}}
        read = snapshot.parse(document(NODES, images))
        score = read.scores_of(IMAGE)
        self.assertEqual([1.0, 1.0, 0.0, 64 / 255], [score(node) for node in NODES])
        self.assertEqual(127 / 255, read.scores_of('other')('compute-3'))

    def test_a_node_that_is_not_listed_has_the_other_score(self):
        self.assertEqual(0.0, parse_one({'runs': [0, 4, 255]}).scores_of(IMAGE)('elsewhere'))
        self.assertEqual(51 / 255, parse_one({'runs': [0, 4, 255]}, otherScore=51).scores_of(IMAGE)('elsewhere'))

    def test_an_image_that_is_not_listed_says_nothing(self):
        self.assertIsNone(parse_one({'runs': []}).scores_of('7c3b0f0e-9f3d-4c58-8b57-64a1c1a0e7aa'))

    def test_hosts_are_found_whatever_their_case_and_by_either_name(self):
        score = parse_one({'runs': [1, 1, 255]}).scores_of(IMAGE)
        self.assertEqual(1.0, score('Compute-2'))
        self.assertEqual(1.0, score('host-b', 'compute-2'))
        self.assertEqual(0.0, score('compute-1', 'compute-2'))

    def test_members_that_are_not_known_are_passed_over(self):
        self.assertEqual(4, parse_one({'runs': [], 'later': 1}, later={'a': 1}).node_count)

    def test_whatever_breaks_the_format_is_refused(self):
        broken_entries = [
            [], None, 7, {}, {'dense': 'AEB//w==', 'runs': []}, {'dense': 'AEB/'}, {'dense': '....'}, {'dense': 5},
            {'runs': {}}, {'runs': [0, 1]}, {'runs': [0, 0, 1]}, {'runs': [0, 5, 1]}, {'runs': [-1, 1, 1]},
            {'runs': [0, 2, 1, 1, 1, 1]}, {'runs': [0, 1, 256]}, {'runs': [0, 1, -1]}, {'runs': [0, 1, 0.5]},
            {'runs': [0, True, 1]}, {'runs': ['0', 1, 1]},
        ]
        for entry in broken_entries:
            with self.subTest(entry=entry), self.assertRaises(snapshot.SnapshotInvalid):
                parse_one(entry)
        broken_documents = [
            b'', b'{', b'[]', b'null', b'\xff\xfe', b'{"format":"other","version":1}', b'[' * 100000,
            document(NODES, version=2), document(NODES, version=True), document(NODES, format='x'),
            document(['a', 'A']), document([1]), document(NODES, otherScore=256), document(NODES, otherScore=None),
            document([f'n{i}' for i in range(snapshot.MAX_NODES + 1)]),
            document(NODES, {f'i{i}': {'runs': []} for i in range(snapshot.MAX_IMAGES + 1)}),
            json.dumps({'format': snapshot.FORMAT, 'version': 1}).encode(), b' ' * (snapshot.MAX_DOCUMENT_BYTES + 1),
        ]
        for text in broken_documents:
            with self.subTest(text=text[:60]), self.assertRaises(snapshot.SnapshotInvalid):
                snapshot.parse(text)
