"""How scores count by size of a machine and by load of a host."""

import random
import unittest

import nova.conf
from nova.scheduler import weights

import shoal_weigher
from tests.test_weigher import hosts
from tests.test_weigher import request
from tests.test_weigher import warm_source
from tests.test_weigher import weigh
from tests.test_weigher import weights_of

CONF = nova.conf.CONF
MULTIPLIER = 2.5
TOTAL_MB = 262144


def cloud(used_mb, machine_mb=4096, total_mb=TOTAL_MB):
    """Hosts that have so much memory in use, by machines of one size."""
    states = hosts(len(used_mb))
    for state, used in zip(states, used_mb):
        state.total_usable_ram_mb, state.free_ram_mb = total_mb, total_mb - used
        state.num_instances = used // machine_mb
    return states


def sized(memory_mb):
    spec = request()
    spec.flavor.memory_mb = memory_mb
    return spec


def weight_of_warm(states, spec):
    return weights_of(weigh(warm_source(len(states)), states, spec))['compute-2']


class BalanceTest(unittest.TestCase):
    def test_scores_count_less_for_machines_larger_than_those_that_run_and_no_more_for_smaller_ones(self):
        states = cloud([40960] * 4)
        self.assertAlmostEqual(MULTIPLIER / 4, weight_of_warm(states, sized(16384)))
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(states, sized(4096)))
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(states, sized(1024)))

    def test_scores_fade_on_a_host_fuller_than_others_until_they_are_nothing(self):
        # Half of the mean and one machine: that much more than the mean is too much.
        even, mean = [40960] * 200, 40960
        for over, share in ((0, 1.0), (12288, 0.5), (24576, 0.0), (100000, 0.0)):
            with self.subTest(over=over):
                states = cloud([*even[:2], mean + over, *even[3:]])
                self.assertAlmostEqual(MULTIPLIER * share, weight_of_warm(states, sized(4096)), delta=0.03)

    def test_an_emptier_host_counts_in_full(self):
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(cloud([40960, 40960, 0, 40960]), sized(4096)))

    def test_one_machine_is_no_imbalance_where_there_are_few(self):
        weight = weight_of_warm(cloud([0, 0, 4096, 0]), sized(4096))
        self.assertGreater(weight, 0.25 * MULTIPLIER)

    def test_hosts_are_not_full_because_they_are_small_or_large(self):
        small = cloud([40960] * 4)
        small[2].total_usable_ram_mb, small[2].free_ram_mb = 65536, 24576
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(small, sized(4096)))
        # As free as the others, which is what Nova goes by.
        large = cloud([40960] * 4)
        large[2].total_usable_ram_mb = 4 * TOTAL_MB
        self.assertGreater(weight_of_warm(large, sized(4096)), 0.99 * MULTIPLIER)

    def test_hosts_that_say_nothing_sensible_count_in_full(self):
        states = cloud([0] * 4)
        for state in states:
            state.total_usable_ram_mb = state.free_ram_mb = 0
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(states, sized(0)))
        for state in states:
            state.free_ram_mb = -5000
        self.assertAlmostEqual(MULTIPLIER, weight_of_warm(states, sized(4096)))

    def test_no_multiplier_piles_machines_up(self):
        """500 machines of one image that 5 of 50 hosts have, at a multiplier that lets nothing else count."""
        CONF.set_override('weight_multiplier', 100.0, group='shoal')
        self.addCleanup(CONF.clear_override, 'weight_multiplier', group='shoal')
        handler, source, states = weights.HostWeightHandler(), warm_source(50, range(5)), hosts(50)

        classes = handler.get_matching_classes(['nova.scheduler.weights.all_weighers'])
        all_weighers = [*(cls() for cls in classes), shoal_weigher.ShoalWeigher(source)]
        chance = random.Random(1)
        for _ in range(500):
            spec = sized(chance.choice((2048, 4096, 8192)))
            handler.get_weighed_objects(all_weighers, states, spec)[0].obj.consume_from_request(spec)
            for state in states:
                # What was started is done at once: only memory says how full a host is.
                state.num_io_ops = 0
        used = [state.total_usable_ram_mb - state.free_ram_mb for state in states]
        self.assertLess(max(used), 2 * sum(used) / len(used))


if __name__ == '__main__':
    unittest.main()
