"""Traces from the click to the process in the pod, for operators who name a collector.

With OTEL_EXPORTER_OTLP_ENDPOINT in the environment (the standard's own name) a page, the task it hands
over and the command in the pod are one trace, sent by OTLP over HTTP; the sampler and the headers are the
standard's variables too. Without it nothing is loaded and nothing is sent.
"""

import os

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
UNTRACED = "healthz,readyz,livez,metrics,static/.*"


def begin_tracing(process: str) -> bool:
    """Once in each process, before its first request or task; False when nobody collects."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return False
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", UNTRACED)
    provider = TracerProvider(resource=Resource.create({"service.name": f"redes-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    if process == "web":
        DjangoInstrumentor().instrument()
    CeleryInstrumentor().instrument()
    return True
