"""Hubbub beside what one would pick instead, measured: `make bench`. Start reading at `suite.py`; see README.md."""
