"""Prefers hosts that have more of the image, by what the seed of Shoal says of them."""

import logging

import nova.conf
from nova.scheduler import utils
from nova.scheduler import weights

from shoal_weigher import balance
from shoal_weigher import options
from shoal_weigher import reader

CONF = nova.conf.CONF
options.register(CONF)

LOG = logging.getLogger(__name__)

MULTIPLIER = 'shoal_weight_multiplier'


class ShoalWeigher(weights.BaseHostWeigher):
    """Weighs by the seed's scores. Without fresh ones, or when the image is not read, all hosts weigh 0, which changes nothing.

    It does no I/O where it weighs, and nothing that it is given makes it raise: an exception would fail the request.
    """

    # Scores are 0 to 1 already. Without these Nova would stretch what differs a little to what differs most.
    minval = 0.0
    maxval = 1.0

    def __init__(self, source=None):
        self._source = reader.SnapshotReader(CONF.shoal) if source is None else source
        self._has_failed = False

    def weight_multiplier(self, host_state):
        try:
            return utils.get_weight_multiplier(host_state, MULTIPLIER, CONF.shoal.weight_multiplier)
        except Exception as error:  # noqa: B902 - see the class
            self._log(error)
            return 0.0

    def weigh_objects(self, weighed_obj_list, weight_properties):
        """All hosts of a request by one snapshot, looked up once."""
        return self._weigh(weighed_obj_list, weight_properties)

    def _weigh_object(self, host_state, request_spec):
        return self._weigh([weights.WeighedHost(host_state, 0.0)], request_spec)[0]

    def _weigh(self, weighed_hosts, request_spec):
        try:
            score = self._scores_for(request_spec) if weighed_hosts else None
            if score is not None:
                states = [weighed.obj for weighed in weighed_hosts]
                penalty, even = CONF.shoal.starting_penalty, balance.Balance(states, _memory_mb(request_spec))
                return [_value(score, penalty, state) * even.factor(state) for state in states]
        except Exception as error:  # noqa: B902 - see the class
            self._log(error)
        return [0.0] * len(weighed_hosts)

    def _scores_for(self, request_spec):
        image_id = _image_to_read(request_spec)
        snapshot = self._source.current() if image_id is not None else None
        return None if snapshot is None else snapshot.scores_of(image_id)

    def _log(self, error):
        # Once: it would come for each host of each request.
        if not self._has_failed:
            self._has_failed = True
            LOG.error('Shoal: hosts are weighed alike because of %r', error, exc_info=True)


def _value(score, penalty, host_state):
    value = score(host_state.host, host_state.nodename) - penalty * host_state.num_io_ops
    return value if value > 0.0 else 0.0


def _memory_mb(request_spec):
    return request_spec.flavor.memory_mb if 'flavor' in request_spec and request_spec.flavor is not None else 0


def _image_to_read(request_spec):
    """The id of the image that a host would have to have; None when it boots from a volume, or from nothing."""
    # Fields that were never set raise when they are read: requests of older releases have no is_bfv.
    if 'is_bfv' in request_spec and request_spec.is_bfv:
        return None
    image = request_spec.image if 'image' in request_spec else None
    if image is None or 'id' not in image or not image.id:
        return None
    return image.id.lower()
