"""OpenTelemetry traces: a span for each request, with its waiting, decoding and engine time inside.

Nothing is recorded where no endpoint is configured. Not for logs (``logs.py``) or metrics.
"""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry import trace

tracer = trace.get_tracer("vlm-reward")


def configure_tracing(endpoint: str) -> Callable[[], None]:
    """Sends spans to a collector from now on.

    Args:
        endpoint: of OTLP over HTTP, such as ``http://127.0.0.1:4318/v1/traces``.

    Returns:
        Call it at the end: it sends what is left.
    """
    # only here: the SDK and its exporter take a while to import
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "vlm-reward"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    return provider.shutdown
