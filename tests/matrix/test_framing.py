"""However the bytes of an answer are cut and framed, every surface reads the same."""

import gzip
import json

import pytest

from glm_openrouter import APIResponseError
from glm_openrouter.testing import bytes_reply
from support.surfaces import across, core_path
from support.wire import USAGE, chunk, event_stream, response_body

PARTS = (
    chunk({"content": "Frost at "}),
    chunk({"content": "Tromsø,\u2028-4\u0085°C"}),
    chunk({"content": ""}, "stop", usage=USAGE),
)
TEXT = "Frost at Tromsø,\u2028-4\u0085°C"
USED = (31, 17, 0.0000521)
PLAIN = event_stream(*PARTS)
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}

FRAMES = {
    "LF": PLAIN,
    "CRLF": PLAIN.replace(b"\n", b"\r\n"),
    "CR": PLAIN.replace(b"\n", b"\r"),
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "no space after the colon": PLAIN.replace(b"data: ", b"data:"),
    "empty data": b"data:\n\ndata: \n\n" + PLAIN,
    "data of white space": b"data:   \n\n" + PLAIN,
    "white space around the end marker": PLAIN.replace(b"[DONE]", b" [DONE] "),
    "white space before all": b"\r\n \n" + PLAIN,
    "a number that is none": PLAIN.replace(b'"is_byok": false', b'"is_byok": NaN'),
    "no blank line at the end": event_stream(*PARTS, done=False)[:-2],
    "blocks without data": b"retry: 10\n\nid: 3\n\nevent: ping\n\n" + PLAIN,
    "named events": PLAIN.replace(b"data: {", b"id: 1\nevent: message\ndata: {"),
    "several data lines": PLAIN.replace(b'"choices"', b'\ndata: "choices"'),
    "comments everywhere": b": hello\n\n" + PLAIN.replace(b"\n\n", b"\n: PROCESSING\n\n:\n\n"),
    "no end marker": event_stream(*PARTS, done=False),
}


@across("frame", FRAMES, "CRLF", "several data lines", "no blank line at the end")
def test_every_legal_frame_gives_the_same_answer(surface, scripted_openrouter, frame):
    answer = surface.ask(scripted_openrouter(bytes_reply(FRAMES[frame])).base_url)
    assert (answer.text, answer.streamed, answer.usage) == (TEXT, TEXT, USED)


@across("size", {1: 1, 7: 7}, 7)
def test_bytes_may_be_cut_anywhere(surface, scripted_openrouter, size):
    answer = surface.ask(scripted_openrouter(bytes_reply(PLAIN, pieces=size)).base_url)
    assert (answer.text, answer.usage) == (TEXT, USED)


def test_a_compressed_body_is_read(surface, scripted_openrouter):
    headers = {**EVENTS, "content-encoding": "gzip"}
    answer = surface.ask(
        scripted_openrouter(bytes_reply(gzip.compress(PLAIN), headers=headers)).base_url
    )
    assert answer.text == TEXT


TYPES = [JSON, {"content-type": "text/plain"}, {"server": "a proxy"}]


@pytest.mark.parametrize("headers", TYPES, ids=["JSON", "plain text", "nothing"])
def test_a_stream_may_go_by_another_name(surface, scripted_openrouter, headers):
    answer = surface.ask(scripted_openrouter(bytes_reply(PLAIN, headers=headers)).base_url)
    assert (answer.text, answer.usage) == (TEXT, USED)


def test_bytes_that_are_no_text_cost_a_character(surface, scripted_openrouter):
    body = PLAIN.replace("ø".encode(), b"\xff")
    answer = surface.ask(scripted_openrouter(bytes_reply(body)).base_url)
    assert answer.text == TEXT.replace("ø", "\ufffd")


def test_half_of_an_escaped_character_is_no_failure(surface, scripted_openrouter):
    body = PLAIN.replace("ø".encode(), b"\\ud83d")
    answer = surface.ask(scripted_openrouter(bytes_reply(body)).base_url)
    assert answer.text == TEXT.replace("ø", "\ufffd")


@core_path
def test_an_event_of_four_megabytes_arrives_whole(surface, scripted_openrouter):
    long = "snow " * 800_000
    body = event_stream(chunk({"content": long}, "stop"))
    assert surface.ask(scripted_openrouter(bytes_reply(body)).base_url).text == long


DOCUMENTS = {
    f"{place} {name}": (padding, headers)
    for place, padding in (
        ("plain", b""),
        ("after blanks", b"\n \n\n"),
        ("after a mark", b"\xef\xbb\xbf"),
    )
    for name, headers in (("as JSON", JSON), ("as an event stream", EVENTS))
}


@across("form", DOCUMENTS, "plain as JSON", "after blanks as an event stream")
def test_one_json_document_answers_a_stream_too(surface, scripted_openrouter, form):
    padding, headers = DOCUMENTS[form]
    document = json.dumps(response_body({"content": "Frost"})).encode()
    server = scripted_openrouter(bytes_reply(padding + document, headers=headers))
    answer = surface.ask(server.base_url)
    assert (answer.text, answer.finish_reason, answer.usage) == ("Frost", "stop", USED)


def test_a_long_document_may_pass_itself_off_as_a_stream(surface, scripted_openrouter):
    long = "snow\n" * 40_000
    document = json.dumps(response_body({"content": long}), indent=1).encode()
    answer = surface.ask(scripted_openrouter(bytes_reply(document, headers=EVENTS)).base_url)
    assert (answer.text, answer.usage) == (long, USED)


def test_two_events_glued_together_are_an_error_that_quotes_them(surface, scripted_openrouter):
    glued = event_stream(PARTS[0], done=False).strip() + json.dumps(PARTS[2]).encode() + b"\n\n"
    with pytest.raises(APIResponseError, match="gen-1760000000"):
        surface.ask(scripted_openrouter(bytes_reply(glued)).base_url)


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream", "application/json"])
def test_a_page_with_status_200_is_an_error_that_quotes_it(surface, scripted_openrouter, kind):
    page = b"<html>\n<head><title>Just a moment</title></head>\n</html>"
    server = scripted_openrouter(bytes_reply(page, headers={"content-type": kind}))
    with pytest.raises(APIResponseError, match="html"):
        surface.ask(server.base_url)


@pytest.mark.parametrize("body", [b"", b": OPENROUTER PROCESSING\n\n", b"data: [DONE]\n\n"])
def test_an_empty_body_is_an_error(surface, scripted_openrouter, body):
    with pytest.raises(APIResponseError, match="ended"):
        surface.ask(scripted_openrouter(bytes_reply(body)).base_url)


ODD_CHUNKS = {
    "no choices": {"id": "gen-1", "object": "x"},
    "empty choices": {"id": "gen-1", "choices": []},
    "null choices": {"id": "gen-1", "choices": None},
    "a choice without delta": {"id": "gen-1", "choices": [{"index": 0, "finish_reason": None}]},
    "null content": chunk({"content": None}),
    "another choice": {"choices": [{"index": 1, "delta": {"content": "not this one"}}]},
    "unknown keys": {**chunk({"content": "", "zzz": [1]}), "zzz": {"a": 1}},
    "odd types": {"id": 7, "created": "now", "model": [], "provider": 1, "choices": []},
}


@across("name", ODD_CHUNKS, "null choices", "a choice without delta", "odd types")
def test_a_chunk_that_says_nothing_changes_nothing(surface, scripted_openrouter, name):
    body = event_stream(PARTS[0], ODD_CHUNKS[name], *PARTS[1:])
    answer = surface.ask(scripted_openrouter(bytes_reply(body)).base_url)
    assert (answer.text, answer.streamed, answer.usage) == (TEXT, TEXT, USED)


def test_content_in_parts_is_joined(surface, scripted_openrouter):
    parts = [{"type": "text", "text": "Fro"}, {"type": "text", "text": "st"}]
    body = event_stream(chunk({"content": parts}, "stop"))
    assert surface.ask(scripted_openrouter(bytes_reply(body)).base_url).text == "Frost"
