"""Several processes that serve one port of one machine, and the parent that keeps them.

`parent.py` owns PostgreSQL and the workers · `child.py` is the program of a worker, which is `app.py` told its place ·
`place.py` what a worker is told, and the line between the two. How a client's requests find the worker that holds its
session is `realtime/siblings.py`.
"""
