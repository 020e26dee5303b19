"""The server that holds a model: one process for each user and model, started by the first helper that needs it.

``computing`` has the model and answers what waits, ``listening`` has the socket, ``spare`` works off the queues of
caches when nobody asks. It leaves when nobody has asked for a while, and when its socket is gone.
"""
