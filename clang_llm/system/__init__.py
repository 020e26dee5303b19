"""One door for each effect: processes, environment, files, locks, network, logs. Nothing here knows of plans."""
