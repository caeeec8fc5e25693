"""Options of the weigher, in the section [shoal] of nova.conf."""

from oslo_config import cfg

GROUP = cfg.OptGroup('shoal', title='Shoal', help='What ShoalWeigher knows of the image caches of hosts.')

OPTIONS = [
    cfg.URIOpt(
        'seed_url',
        schemes=['http', 'https'],
        help='Base URL of the seed, for example http://seed.example:7420. Without it the weigher weighs nothing.',
    ),
    cfg.StrOpt('token_file', help="File with the seed's node token, read anew for each request. Without it none is sent."),
    cfg.StrOpt('ca_file', help='File with the certificates that sign that of the seed. Without it: those of the system.'),
    cfg.FloatOpt(
        'weight_multiplier',
        default=2.5,
        help='How much the weigher counts beside others: 0 turns it off. The metadata shoal_weight_multiplier of a host '
        'aggregate goes before it.',
    ),
    cfg.FloatOpt(
        'starting_penalty',
        default=0.05,
        min=0.0,
        max=1.0,
        help='What each machine that a host builds just now takes off its score, which is 0 to 1. Between two snapshots '
        'this keeps a burst of requests from meeting on one host.',
    ),
    cfg.FloatOpt('interval_seconds', default=2.0, min=0.1, help='Time between two questions to the seed.'),
    cfg.FloatOpt('timeout_seconds', default=5.0, min=0.1, help='The longest that one question to the seed may take.'),
    cfg.FloatOpt(
        'max_age_seconds',
        default=30.0,
        min=1.0,
        help='When the seed has not answered for so long, all hosts are weighed alike.',
    ),
]


def register(conf):
    """Makes the options known to a configuration; again does nothing."""
    conf.register_group(GROUP)
    conf.register_opts(OPTIONS, group=GROUP)


def list_opts():
    """For oslo-config-generator."""
    return [(GROUP, OPTIONS)]
