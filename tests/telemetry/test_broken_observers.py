"""A tracer that breaks costs no answer: what has been paid is given out, and what broke is logged."""

import logging

import pytest
from opentelemetry.sdk.trace import SpanProcessor

from glm_openrouter.testing import stream_reply
from support.samples import REQUEST
from support.wire import finishes, says, uses

SECRET = "what a prompt said"


def broken(moment):
    def fail(*_):
        raise RuntimeError(SECRET)

    processor = SpanProcessor()
    setattr(processor, moment, fail)
    return processor


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_tracer_that_breaks_costs_no_answer(
    run, scripted_openrouter, traces, caplog, moment, streamed
):
    traces.provider.add_span_processor(broken(moment))
    server = scripted_openrouter(stream_reply([says("Pier two."), finishes(), uses("B")]))
    with caplog.at_level(logging.WARNING, logger="glm_openrouter"):
        run.either(streamed, server.base_url, REQUEST)
    (record,) = caplog.records
    assert "Spans was not told of a call" in record.getMessage()
    assert SECRET not in caplog.text
    assert traces.metric("gen_ai.client.operation.duration")
