"""Points the catalogue of a stopped Keystone at other addresses.

usage: catalogue.py DATABASE IDENTITY_URL IMAGE_URL
"""

import sqlite3
import sys

database, identity_url, image_url = sys.argv[1:]
with sqlite3.connect(database) as connection:
    for service_type, url in (('identity', identity_url), ('image', image_url)):
        connection.execute(
            'UPDATE endpoint SET url = ? WHERE service_id IN (SELECT id FROM service WHERE type = ?)',
            (url, service_type),
        )
