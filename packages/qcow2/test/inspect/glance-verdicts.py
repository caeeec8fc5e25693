"""What Glance's own inspector says of images: JSON [[path, format], ...] on standard input, a list of verdicts on standard output.

A verdict is as Glance's image conversion takes it: the format that is found has to be the declared one, and safe.
"""

import json
import logging
import sys

from glance.common import format_inspector

logging.disable(logging.CRITICAL)


def is_refused(path, declared):
    try:
        found = format_inspector.detect_file_format(path)
        if str(found) != declared or not found.safety_check():
            return True
        format_inspector.get_inspector(declared).from_file(path)
        return False
    except Exception:
        return True


json.dump([is_refused(path, declared) for path, declared in json.load(sys.stdin)], sys.stdout)
