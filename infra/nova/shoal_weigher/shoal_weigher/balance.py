"""How much a score counts, by the memory that a machine takes and that hosts have given away."""

# A host with more memory in use than the mean, by this share of it and one machine, is not preferred for what it has.
FADES_OVER = 0.5


class Balance:
    """Factors of scores, for the hosts of one request.

    A large machine makes hosts uneven by more than a small one, and saves as little: for it scores count less. And they
    count less for a host that is fuller than others, as in consistent hashing with bounded loads (Mirrokni, Thorup and
    Zadimoghaddam 2018), so that no multiplier piles machines up.
    """

    def __init__(self, states, memory_mb):
        used_mb = sum(_used_mb(state) for state in states)
        machines = sum(state.num_instances for state in states)
        machine_mb = used_mb / machines if machines > 0 and used_mb > 0 else 0.0
        self._mean_used_mb = used_mb / len(states)
        self._mean_free_mb = sum(state.free_ram_mb for state in states) / len(states)
        self._fades_over_mb = FADES_OVER * self._mean_used_mb + machine_mb
        self._of_size = min(1.0, machine_mb / memory_mb) if machine_mb > 0 and memory_mb > 0 else 1.0

    def factor(self, state):
        """0 to 1."""
        # A small host has little free, a large one much in use: neither is full because of that alone.
        over_mb = min(_used_mb(state) - self._mean_used_mb, self._mean_free_mb - state.free_ram_mb)
        if over_mb <= 0 or self._fades_over_mb <= 0:
            return self._of_size
        return self._of_size * max(0.0, 1.0 - over_mb / self._fades_over_mb)


def _used_mb(state):
    return state.total_usable_ram_mb - state.free_ram_mb
