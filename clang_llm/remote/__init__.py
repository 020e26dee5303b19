"""A team's store of plans, behind the local cache (docs/remote.md).

``address`` reads the setting, ``stores`` has the kinds of stores (Redis, HTTP, a directory), ``fetching`` and
``delivering`` carry plans one way and the other, and ``courier`` is the short-lived process that does both for a build.
A compile imports nothing of this but ``outbox``.
"""
