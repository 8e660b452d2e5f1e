"""REST: the HTTP edge. The same commands, use cases and error codes as the sockets.

Before: uvicorn. After: `chat/`. Read in this order:
`edge.py` what every answer has · `application.py` the whole put together · `authentication.py` who asks ·
`body.py` JSON in · `problems.py` errors out · `auth.py` `users.py` `rooms.py` `messages.py` `health.py` one noun each ·
`parameters.py` what their addresses take · `document.py` OpenAPI · `web.py` the page.
"""

from hubbub.rest.application import make_application

__all__ = ["make_application"]
