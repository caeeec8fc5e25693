"""Downloads one torrent with libtorrent-rasterbar and seeds it until it is ended.

usage: libtorrent-client.py TORRENT DIRECTORY PORT
"""

import sys
import time

import libtorrent as lt

torrent, directory, port = sys.argv[1:]
session = lt.session(
    {
        "listen_interfaces": f"0.0.0.0:{port}",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "allow_multiple_connections_per_ip": True,
        "min_reconnect_time": 1,
    }
)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = directory
handle = session.add_torrent(params)
said = False
while True:
    if handle.status().is_seeding and not said:
        said = True
        print("seeding", flush=True)
    time.sleep(0.1)
