"""What the limits of this process leave for our work."""

from __future__ import annotations

import resource


def limited() -> bool:
    """Whether this process and what it starts may use only so much memory, processor time, or size of a file."""
    limits = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
    return any(resource.getrlimit(limit)[0] != resource.RLIM_INFINITY for limit in limits)


def is_short() -> bool:
    """Whether the limits of this process leave too little for building the plugin, which is no use trying then."""
    enough = (
        (resource.RLIMIT_AS, 4 << 30),
        (resource.RLIMIT_DATA, 4 << 30),
        (resource.RLIMIT_CPU, 120),
        (resource.RLIMIT_FSIZE, 64 << 20),
        (resource.RLIMIT_STACK, 4 << 20),
        (resource.RLIMIT_NOFILE, 32),
    )
    limits = ((resource.getrlimit(limit)[0], least) for limit, least in enough)
    return any(limit != resource.RLIM_INFINITY and limit < least for limit, least in limits)
