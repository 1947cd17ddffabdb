"""The plumbing of the HTTP door: routes as data, callers and what they may do, problem documents.

Each capability's `api.py` lists its `Route`s; `answer` is the one way from a request to a reply.
"""
