"""Barbican's API as a WSGI application; its own script knows one place for the paste file alone."""

import os

from paste import deploy

application = deploy.loadapp('config:' + os.environ['SHOAL_BARBICAN_PASTE'])
