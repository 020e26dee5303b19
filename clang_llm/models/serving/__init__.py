"""The server that holds a model: one process for each user and model, started by the first helper that needs it.

``computing`` holds the model and answers tasks in batches, ``listening`` has the socket, ``running`` is the main
program; `clang_llm.compile.server` starts it and adds the work for spare time. The server ends when nobody has asked
for a while, and when its socket is gone.
"""
