"""Schemas with a dialect that is no address, and with keywords for another kind of value."""

import pytest

from glm_openrouter import InvalidRequestError, StructuredOutputError
from glm_openrouter.structured import schema_check


def test_a_dialect_that_is_no_address_is_read_as_the_latest():
    schema = {"$schema": "http://[", "type": "object", "required": ["pier"]}
    with pytest.raises(StructuredOutputError, match="pier"):
        schema_check(schema)({})


def test_a_dialect_that_is_no_text_is_refused():
    with pytest.raises(InvalidRequestError, match=r"\$schema must be text"):
        schema_check({"$schema": 7, "type": "object"})


def test_a_keyword_for_objects_says_nothing_of_a_list():
    schema = {"patternProperties": {"^p": {"type": "integer"}}}
    assert schema_check(schema)([1]) == [1]
    with pytest.raises(StructuredOutputError):
        schema_check(schema)({"pier": "two"})
