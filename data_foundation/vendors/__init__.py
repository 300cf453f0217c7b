"""Sends HTTP requests to vendors: paces them by the vendor's limits and retries those that may succeed later.

`Calls` and `Refusal` (`calls.py`) are public: sources use them. `request_session.py` is the session of REST clients.
`retries.py` decides for the whole project which errors pass by themselves; `responses.py` describes a response without
secrets. Nothing here knows pipelines.
"""
