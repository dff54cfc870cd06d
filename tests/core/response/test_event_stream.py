"""Bytes to payloads: whatever is legal in an event stream changes nothing."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glm_openrouter._response.sse import BodyDecoder, EventStreamDecoder, ResponseDecoder

ONE = b'{"berth":1}'
TWO = '{"berth":"zwei ⚓"}'.encode()
LINE_ENDS = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}
DONE_FORMS = [
    b"data: [DONE]\n\n",
    b"data: [DONE]\r\n\r\n",
    b"data: [DONE]\r\r",
    b"data: [DONE]\n",
    b"data: [DONE]",
    b"data:[DONE]\n\n",
    b"data:[DONE]",
    b"data:  [DONE] \n\n",
    b"data: [DONE]\t\n",
]


def decode(*pieces):
    decoder = EventStreamDecoder()
    payloads = [payload for piece in pieces for payload in decoder.feed(piece)]
    return payloads + decoder.flush()


def cut(data, places):
    ends = [*sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


cuts = st.lists(st.integers(0, 10_000), max_size=12)


@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_every_line_end_is_a_line_end(end):
    assert decode(b"data: %b%b%bdata: %b%b%b" % (ONE, end, end, TWO, end, end)) == [ONE, TWO]


def test_line_ends_may_be_mixed():
    assert decode(b"data: 1\r\n\ndata: 2\r\rdata: 3\n\r\n") == [b"1", b"2", b"3"]


def test_a_byte_order_mark_in_a_text_is_kept():
    assert decode(b"data: 1\n\ndata: \xef\xbb\xbf\n\n") == [b"1", b"\xef\xbb\xbf"]


@pytest.mark.parametrize("comment", [b":", b": OPENROUTER PROCESSING", b":data: 3", b"::"])
def test_comments_may_stand_anywhere(comment):
    lines = [b"data: 1", b"", b"data: 2", b"data: 3", b""]
    commented = b"\n".join(line for pair in lines for line in (comment, pair)) + b"\n"

    assert decode(commented) == [b"1", b"2\n3"]


@pytest.mark.parametrize("field", [b"event: ping", b"id: 7", b"retry: 3000", b"event:", b"id:7"])
def test_a_block_without_data_is_no_event(field):
    assert decode(b"%b\n\ndata: %b\n\n%b\n\n" % (field, ONE, field)) == [ONE]


def test_other_fields_of_an_event_are_ignored():
    assert decode(b"event: message\nid: 7\ndata: %b\nretry: 10\n\n" % ONE) == [ONE]


@pytest.mark.parametrize("line", [b"x-trace: 7", b"id", b"event", b"data"])
def test_a_line_that_means_nothing_is_ignored_after_an_event(line):
    assert decode(b"data: %b\n\n%b\n\n" % (ONE, line)) == [ONE]


@pytest.mark.parametrize("line", [b"x-trace: 7", b"id", b"event", b"data"])
def test_a_line_that_means_nothing_is_ignored_before_an_event(line):
    assert decode(b"%b\n\ndata: %b\n\n" % (line, ONE)) == [ONE]


@pytest.mark.parametrize("empty", [b"data:\n\n", b"data: \n\n", b"data:\n\n\n\n"])
def test_empty_data_is_no_event(empty):
    assert decode(empty + b"data: %b\n\n" % ONE + empty) == [ONE]


def test_data_needs_no_space():
    assert decode(b"data:%b\n\n" % ONE) == [ONE]


def test_only_one_space_belongs_to_the_field():
    assert decode(b"data:  x \n\n") == [b" x "]


def test_several_lines_of_data_are_one_payload():
    assert decode(b'data: {"berth":\ndata: 1,\ndata:"pier": 2}\n\n') == [
        b'{"berth":\n1,\n"pier": 2}'
    ]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_cr_and_lf_end_a_line(separator):
    payload = f'"bow{separator}stern"'.encode()

    assert decode(b"data: %b\n\n" % payload) == [payload]


def test_the_last_event_needs_no_blank_line():
    assert decode(b"data: %b\n" % ONE) == [ONE]


def test_the_last_event_needs_no_line_end():
    assert decode(b"data: %b\n\ndata: %b" % (ONE, TWO)) == [ONE, TWO]


def test_an_event_comes_out_with_its_blank_line_and_not_later():
    assert EventStreamDecoder().feed(b"data: %b\n\n" % ONE) == [ONE]


@pytest.mark.parametrize("form", DONE_FORMS)
def test_done_ends_the_stream_at_once(form):
    decoder = EventStreamDecoder()

    assert decoder.feed(b"data: %b\n\n%b" % (ONE, form)) == [ONE]
    assert decoder.done


@pytest.mark.parametrize("form", DONE_FORMS)
def test_done_may_come_byte_by_byte(form):
    decoder = EventStreamDecoder()
    payloads = [p for at in range(len(form)) for p in decoder.feed(form[at : at + 1])]

    assert (payloads, decoder.done) == ([], True)


@pytest.mark.parametrize("form", DONE_FORMS[:4])
def test_nothing_counts_after_done(form):
    assert decode(form + b"data: %b\n\n" % ONE) == []


def test_nothing_counts_after_done_in_later_reads():
    decoder = EventStreamDecoder()
    decoder.feed(b"data: [DONE]\n\n")

    assert decoder.flush() == []


def test_done_inside_a_text_ends_nothing():
    decoder = EventStreamDecoder()

    assert decoder.feed(b'data: "[DONE]"\n\ndata: x [DONE]\n\n') == [b'"[DONE]"', b"x [DONE]"]
    assert not decoder.done


def test_an_open_event_before_done_is_not_lost():
    assert decode(b"data: %b\ndata: [DONE]\n\n" % ONE) == [ONE]


@pytest.mark.parametrize("after", [b" *", b"*", b" ", b"{}", b"]", b"\x00"])
@pytest.mark.parametrize("end", [b"\n\n", b""])
def test_what_follows_done_on_its_line_makes_no_difference_anywhere_cut(after, end):
    sent = b"data: %b\n\ndata: %b\ndata:[DONE]%b%b" % (ONE, TWO, after, end)

    for at in range(len(sent)):
        assert decode(sent[:at], sent[at:]) == [ONE, TWO]


def test_an_open_event_before_done_without_a_line_end_is_not_lost():
    decoder = EventStreamDecoder()

    assert decoder.feed(b"data: %b\ndata: [DONE]" % ONE) == [ONE]
    assert decoder.done


def test_a_cut_between_cr_and_lf_makes_no_blank_line():
    assert decode(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [b"1\n2"]


def test_an_empty_read_between_cr_and_lf_changes_nothing():
    assert decode(b"data: 1\r", b"", b"\ndata: 2\n\n") == [b"1\n2"]


def test_a_page_that_is_no_event_stream_comes_out_whole():
    page = b"<html>\n<title>502</title>\n</html>"

    assert decode(*cut(page, range(len(page)))) == [page]


field_lines = st.sampled_from(
    ["data: a⚓", "data:b", "data: ", "data:", ": c", ":", "event: d", "id: 1", "retry: 1", "", ""]
)


def by_the_standard(text):
    """What a plain reading of the standard makes of it, without events that hold nothing."""
    payloads, data = [], []
    for line in [*re.split("\r\n|\r|\n", text), ""]:
        name, _, value = line.partition(":")
        if name == "data" and value.strip():
            data.append(value.removeprefix(" "))
        elif not line and data:
            payloads.append("\n".join(data).encode())
            data = []
    return payloads


@given(st.lists(st.tuples(field_lines, st.sampled_from(["\n", "\r\n", "\r"]))), cuts)
def test_a_stream_may_be_cut_anywhere(lines, places):
    text = "".join(line + end for line, end in lines)

    assert decode(*cut(text.encode(), places)) == by_the_standard(text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1)), cuts)
def test_any_text_survives_any_cut(texts, places):
    texts = [text for text in texts if text.strip() not in ("", "[DONE]")]
    stream = "".join(f"data: {text}\n\n" for text in texts).encode()

    assert decode(*cut(stream, places)) == [text.encode() for text in texts]


@given(cuts)
def test_a_body_may_be_cut_anywhere(places):
    decoder = BodyDecoder()
    for piece in cut(b" \n " + TWO + b" \n", places):
        assert decoder.feed(piece) == []

    assert decoder.flush() == [TWO]


def test_white_space_that_keeps_a_body_waiting_is_no_progress():
    decoder = BodyDecoder()
    decoder.feed(b" \n")

    assert (decoder.progress, decoder.flush()) == (0, [])


def test_white_space_inside_a_body_is_no_progress():
    decoder = BodyDecoder()
    decoder.feed(b"{")
    decoder.feed(b" \n")

    assert (decoder.progress, decoder.flush()) == (1, [b"{"])


# Which of the two it is


BODIES = {
    "an object": (TWO, [TWO]),
    "a list": (b"[1]", [b"[1]"]),
    "a page": (b"<html>\n<p>data: 1\n\n</html>", [b"<html>\n<p>data: 1\n\n</html>"]),
    "an object on lines": (b'{\n"data": 1\n}', [b'{\n"data": 1\n}']),
    "events": (b"data: %b\n\ndata: %b\n\n" % (ONE, TWO), [ONE, TWO]),
    "events after a comment": (b": wait\n\ndata: %b\n\n" % ONE, [ONE]),
    "an event with a name": (b"event: message\r\ndata: %b\r\n\r\n" % ONE, [ONE]),
    "words": (b"upstream connect error", [b"upstream connect error"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \r\n \n", b"\n\xef\xbb\xbf\n"])
@pytest.mark.parametrize("body", BODIES)
def test_a_response_is_read_as_what_it_begins_with(body, start):
    data, payloads = BODIES[body]
    for pieces in ([start + data], [start, data], [bytes([byte]) for byte in start + data]):
        decoder = ResponseDecoder()
        found = [payload for piece in pieces for payload in decoder.feed(piece)]

        assert found + decoder.flush() == payloads


@given(st.sampled_from(sorted(BODIES)), cuts)
def test_a_response_may_be_cut_anywhere(body, places):
    data, payloads = BODIES[body]
    decoder = ResponseDecoder()
    found = [payload for piece in cut(data, places) for payload in decoder.feed(piece)]

    assert found + decoder.flush() == payloads


@pytest.mark.parametrize("start", [b" ", b"\n\n", b"\xef", b"\xef\xbb\xbf"])
def test_what_does_not_tell_is_no_progress(start):
    decoder = ResponseDecoder()

    assert (decoder.feed(start), decoder.progress, decoder.done) == ([], 0, False)


def test_a_document_of_any_length_is_read_whole():
    document = b'{"text": "%b"}' % (b"line\\n" * 100_000)
    decoder = ResponseDecoder()
    for at in range(0, len(document), 4096):
        assert decoder.feed(document[at : at + 4096]) == []

    assert decoder.flush() == [document]


def test_a_long_event_in_small_pieces_costs_linear_time():
    def cost(size):
        pieces = cut(b'data: "%b"\n\n' % (b"x" * size), range(0, size, 128))
        begun = time.thread_time()
        assert len(decode(*pieces)) == 1
        return time.thread_time() - begun

    small, large = (min(cost(size) for _ in range(3)) for size in (500_000, 4_000_000))

    # Eight times the size: 8 if the time is linear, 64 if it is quadratic.
    assert large / small < 24
