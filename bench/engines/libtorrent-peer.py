"""One libtorrent-rasterbar session with one torrent, tuned for a local network. See scripted-engine.ts.

usage: libtorrent-peer.py seed|peer TORRENT DIRECTORY HOST PORT [super]
"""

import json
import signal
import sys

import libtorrent as lt

role, torrent, directory, host, port = sys.argv[1:6]
is_super = "super" in sys.argv[6:]
SIGNALS = {signal.SIGUSR2, signal.SIGTERM}
KIBIBYTE = 1024
# Blocked before libtorrent makes its threads, which inherit it: signals are waited for, never delivered.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

session = lt.session(
    {
        "listen_interfaces": f"{host}:{port}",
        "outgoing_interfaces": host,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        # Peers may share an address or a host.
        "allow_multiple_connections_per_ip": True,
        "apply_ip_filter_to_trackers": False,
        # Everybody is served at once, and reached at once.
        "unchoke_slots_limit": -1,
        "connections_limit": 500,
        "connection_speed": 500,
        "smooth_connects": False,
        "min_reconnect_time": 1,
        "torrent_connect_boost": 100,
        # Large enough that no connection waits for its next request or its next block.
        "max_out_request_queue": 1500,
        "max_allowed_in_request_queue": 4000,
        "send_buffer_watermark": 3 * KIBIBYTE * KIBIBYTE,
        "send_buffer_low_watermark": KIBIBYTE * KIBIBYTE,
        "send_buffer_watermark_factor": 150,
        "max_queued_disk_bytes": 16 * KIBIBYTE * KIBIBYTE,
        # Measured: ten threads for the disk and one for hashing, the defaults, cost a tenth more CPU on two cores.
        "aio_threads": 2,
        "hashing_threads": 2,
        # Plain streams: encryption would only cost.
        "in_enc_policy": lt.enc_policy.pe_disabled,
        "out_enc_policy": lt.enc_policy.pe_disabled,
        "alert_mask": lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.storage_notification,
    }
)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = directory
params.flags &= ~lt.torrent_flags.auto_managed
params.flags &= ~lt.torrent_flags.paused
if is_super and role == "seed":
    params.flags |= lt.torrent_flags.super_seeding


def say(event, **detail):
    print(json.dumps({"event": event, **detail}, separators=(",", ":")), flush=True)


def wait(handle):
    """Says when the torrent is complete; returns at SIGTERM."""
    said = False
    while signal.sigtimedwait([signal.SIGTERM], 0) is None:
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            if isinstance(alert, (lt.file_error_alert, lt.torrent_error_alert)):
                sys.exit(str(alert))
        # Asked for rather than taken from the alert of that name: a seed's comes while it still checks.
        if not said and handle.status().is_seeding:
            said = True
            say("ready" if role == "seed" else "done", file=f"{directory}/{params.ti.name()}")


if role == "peer":
    say("ready", file=f"{directory}/{params.ti.name()}")
    if signal.sigwait(SIGNALS) == signal.SIGTERM:
        sys.exit()
handle = session.add_torrent(params)
wait(handle)
uploaded = handle.status().total_payload_upload
handle.flush_cache()
for _ in range(50):
    session.wait_for_alert(100)
    if any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts()):
        break
say("counters", uploadedBytes=uploaded)
