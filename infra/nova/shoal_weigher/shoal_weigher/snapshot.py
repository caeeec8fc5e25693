"""The scheduler snapshot, version 1: docs/formats/scheduler-snapshot.md of Shoal says what is in it."""

import base64
import json

FORMAT = 'shoal-scheduler-snapshot'
VERSION = 1
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_NODES = 20000
MAX_IMAGES = 4096
TOP_SCORE = 255


class SnapshotInvalid(Exception):
    """The document breaks a rule of its format."""


class Snapshot:
    """Scores of hosts, for each image that the seed knows something of. It never changes."""

    def __init__(self, places, other_score, images):
        self._places = places
        self._other_score = other_score
        self._images = images
        # What was asked for, one octet a node: few images are, before the next snapshot comes.
        self._tables = {}

    @property
    def node_count(self):
        return len(self._places)

    @property
    def image_count(self):
        return len(self._images)

    def scores_of(self, image_id):
        """A function from names of a host to its score, 0 to 1; None when nothing is known of the image."""
        table = self._table(image_id)
        if table is None:
            return None
        places, other = self._places, self._other_score / TOP_SCORE

        def score(host, nodename=None):
            place = places.get(host.lower())
            if place is None and nodename:
                place = places.get(nodename.lower())
            return other if place is None else table[place] / TOP_SCORE

        return score

    def _table(self, image_id):
        table = self._tables.get(image_id)
        if table is None:
            scores = self._images.get(image_id)
            if scores is None or isinstance(scores, bytes):
                return scores
            table = self._tables[image_id] = _expand(scores, len(self._places))
        return table


def parse(document):
    """The snapshot in a document (bytes). Raises SnapshotInvalid, and nothing else."""
    try:
        return _parse(document)
    except SnapshotInvalid:
        raise
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise SnapshotInvalid(f'{type(error).__name__}: {error}') from error


def _parse(document):
    if len(document) > MAX_DOCUMENT_BYTES:
        raise SnapshotInvalid(f'it has more than {MAX_DOCUMENT_BYTES} bytes')
    content = json.loads(document)
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise SnapshotInvalid('it is no scheduler snapshot')
    if content.get('version') != VERSION or isinstance(content['version'], bool):
        raise SnapshotInvalid(f'its version is {content.get("version")!r}, not {VERSION}')
    nodes, images = content.get('nodes'), content.get('images')
    if not isinstance(nodes, list) or len(nodes) > MAX_NODES:
        raise SnapshotInvalid(f'nodes is no list of at most {MAX_NODES} names')
    places = {name.lower(): place for place, name in enumerate(nodes)}
    if len(places) != len(nodes):
        raise SnapshotInvalid('a node is named twice')
    if not isinstance(images, dict) or len(images) > MAX_IMAGES:
        raise SnapshotInvalid(f'images is no object of at most {MAX_IMAGES} images')
    other = _checked_score(content.get('otherScore', 0))
    return Snapshot(places, other, {image: _scores(entry, len(nodes)) for image, entry in images.items()})


def _scores(entry, node_count):
    """Octets for a dense entry, a tuple of runs for the other kind."""
    if not isinstance(entry, dict) or ('dense' in entry) == ('runs' in entry):
        raise SnapshotInvalid('an image has neither dense nor runs, or both')
    if 'dense' in entry:
        table = base64.b64decode(entry['dense'], validate=True)
        if len(table) != node_count:
            raise SnapshotInvalid(f'an image has scores of {len(table)} nodes, not of {node_count}')
        return table
    runs = entry['runs']
    if not isinstance(runs, list) or len(runs) % 3 != 0:
        raise SnapshotInvalid('runs is no list of threes')
    end = 0
    for at in range(0, len(runs), 3):
        first, count, score = runs[at:at + 3]
        if type(first) is not int or type(count) is not int or first < end or count < 1 or first + count > node_count:
            raise SnapshotInvalid('runs overlap, are not in order or end behind the last node')
        _checked_score(score)
        end = first + count
    return tuple(runs)


def _checked_score(score):
    if type(score) is not int or not 0 <= score <= TOP_SCORE:
        raise SnapshotInvalid(f'{score!r} is no score')
    return score


def _expand(runs, node_count):
    table = bytearray(node_count)
    for at in range(0, len(runs), 3):
        first, count, score = runs[at:at + 3]
        table[first:first + count] = bytes((score,)) * count
    return bytes(table)
