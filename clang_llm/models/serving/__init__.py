"""The server that holds a model: one process for each user and model, started by the first helper that needs it.

``computing`` has the model and answers what waits, ``listening`` has the socket, ``running`` is the main program, which
`clang_llm.compile.server` starts and gives what to do in spare time. It leaves when nobody has asked for a while, and
when its socket is gone.
"""
