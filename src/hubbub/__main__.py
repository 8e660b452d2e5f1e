"""`python -m hubbub`: the command line, where no `hubbub` is on the PATH."""

from hubbub.cli.main import app

app(prog_name="hubbub")
