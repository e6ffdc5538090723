"""Brings the service up: under uvicorn, or under Ray Serve.

Modules: ``uvicorn_server`` (serve until a signal), ``ray_serve`` (replicas on a cluster), ``model_loading``
(the engine and what answers requests with it), ``engine_start`` (succeeds, or ends with the cause).
"""
