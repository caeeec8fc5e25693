#!/usr/bin/python3
"""As Kolla's: puts the files that config.json names where they belong, and its command where the start finds it."""

import json
import os
import pathlib
import shutil

config = json.loads(pathlib.Path('/var/lib/kolla/config_files/config.json').read_text())
for entry in config.get('config_files', []):
    os.makedirs(os.path.dirname(entry['dest']), exist_ok=True)
    shutil.copyfile(entry['source'], entry['dest'])
    shutil.chown(entry['dest'], entry['owner'], entry['owner'])
    os.chmod(entry['dest'], int(entry['perm'], 8))
pathlib.Path('/run_command').write_text(config['command'])
