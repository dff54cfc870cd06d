"""Headers and settings that say nothing: an encoding that is none, an exemption from the proxy that is no address."""

import pytest

from glm_openrouter.testing import json_reply
from support.wire import response_body

ANSWER = response_body({"content": "Pier two."})


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
def test_an_encoding_that_is_none_changes_nothing(run, scripted_openrouter, encoding):
    server = scripted_openrouter(json_reply(ANSWER, headers={"content-encoding": encoding}))
    assert run.complete(server.base_url).text == "Pier two."


def test_an_exemption_that_is_no_address_exempts_nothing(run, scripted_openrouter, monkeypatch):
    proxy = scripted_openrouter(json_reply(ANSWER))
    monkeypatch.setenv("ALL_PROXY", proxy.base_url.removesuffix("/api/v1"))
    monkeypatch.setenv("NO_PROXY", "[::1, http://:pier")
    completion = run.complete("http://harbour.invalid/v1", allow_http=True)
    assert (completion.text, len(proxy.requests)) == ("Pier two.", 1)
