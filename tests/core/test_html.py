"""What notebooks show: tables in which whatever a model, a provider or a server wrote is text."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest

from glm_openrouter import (
    Activity,
    ActivityInfo,
    APIError,
    Budget,
    BudgetExceededError,
    Completion,
    CreditsInfo,
    EndpointInfo,
    Endpoints,
    InvalidRequestError,
    LogReport,
    LogSums,
    Pricing,
    RateLimitError,
    SharedBudget,
    ToolCall,
    Usage,
    errors,
    track_spend,
)

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&amp;"
OURS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "a"}


class Page(HTMLParser):
    """The tags and the texts of HTML."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts, self.styles = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.open.append(tag)
        self.styles += [value for name, value in attributes if name == "style"]
        assert {name for name, _ in attributes} <= {"style", "href"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def page_of(thing):
    return Page(thing._repr_html_())


def spent(made=track_spend, text="Venice"):
    spend = made()
    usage = Usage(cost=0.25, prompt_tokens=1000, completion_tokens=20)
    spend.add(Completion(model="z-ai/glm-4.6", provider=text, usage=usage))
    spend.add(Completion(model="z-ai/glm-4.6", provider=text, usage=Usage(prompt_tokens=10)))
    return spend


def of_everything(text):
    """Return everything that a notebook shows, with a text in it wherever one may be."""
    call = ToolCall("1", text, text)
    budget = SharedBudget(1, "redis://127.0.0.1:1", name=text)
    row = ActivityInfo(date=text, model=text, provider_name=text)
    refused = RateLimitError(text, provider_name=text, model=text, partial_text=text)
    return {
        "spend": spent(text=text),
        "budget": spent(lambda: Budget(2), text),
        "shared budget": spent(lambda: budget, text),
        "log": LogReport({(text, text): LogSums()}, {text: LogSums()}, LogSums()),
        "completion": Completion(
            text=text, reasoning=text, model=text, provider=text, tool_calls=[call],
            finish_reason=text, refusal=text, adjustments=[text],
        ),
        "error": refused,
        "endpoints": Endpoints([EndpointInfo(tag=text, provider_name=text, quantization=text)]),
        "activity": Activity([row]),
    }  # fmt: skip


NAMES = sorted(of_everything("x"))


@pytest.mark.parametrize("name", NAMES)
def test_what_others_wrote_is_text(name):
    page = page_of(of_everything(ATTACK)[name])

    assert set(page.tags) <= OURS
    assert any(ATTACK in text for text in page.texts)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_long_is_cut(name):
    assert len(of_everything("x" * 100_000)[name]._repr_html_()) < 20_000


@pytest.mark.parametrize("name", NAMES)
def test_colours_are_those_of_the_page(name):
    styles = " ".join(page_of(of_everything("x")[name]).styles)

    assert styles
    assert "color" not in styles
    assert "background" not in styles


def test_many_rows_are_cut_and_counted():
    page = page_of(Endpoints(EndpointInfo(tag=f"p{number}") for number in range(500)))

    assert page.tags.count("tr") == 101
    assert "The first 100 of 500." in page.texts


def test_spend_has_a_row_each_and_a_total():
    texts = page_of(spent()).texts

    assert texts.count("0.250000") == 2
    assert {"Venice", "2", "1,010", "Total"} <= set(texts)
    assert any("Unreported: about" in text for text in texts)


def test_a_budget_says_what_is_left():
    budget = Budget(2)
    budget.add(Completion(usage=Usage(cost=0.5)))

    assert "0.500000 of 2 USD spent, 1.500000 left" in page_of(budget).texts


def test_a_completion_shows_what_it_has_and_nothing_else():
    usage = Usage(cost=0.5, prompt_tokens=1200, completion_tokens=7)
    call = ToolCall("1", "weather", '{"city": "Oslo"}')
    texts = page_of(Completion(text="Hello\nyou", tool_calls=[call], usage=usage)).texts

    assert texts == [
        *("Text", "Hello\nyou", "Tool calls", 'weather({"city": "Oslo"})'),
        *("Tokens", "1,200 in, 7 out", "USD", "0.500000"),
    ]


def test_an_error_names_its_type_and_leads_to_its_page():
    html = InvalidRequestError("No model.")._repr_html_()

    assert {"InvalidRequestError", "No model."} <= set(Page(html).texts)
    assert 'href="https://' in html
    assert "#invalidrequesterror" in html


def test_an_error_shows_what_it_knows():
    error = RateLimitError("Slow down.", status_code=429, provider_name="Z.AI", retry_after=3.5)
    texts = page_of(error).texts

    assert {"429", "Z.AI", "3.5 s"} <= set(texts)
    assert "Model" not in texts


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_shown(name):
    kind = getattr(errors, name)
    more = {
        BudgetExceededError: {"limit": 1, "spent": 1, "estimate": 1},
        errors.TruncatedToolCallError: {"name": "f", "arguments": "{"},
        errors.InvalidToolCallError: {"name": "f", "arguments": "{"},
    }
    assert name in page_of(kind("What happened.", **more.get(kind, {}))).texts


def test_an_error_of_langchain_is_shown_as_that_of_the_core():
    langchain_errors = pytest.importorskip("langchain_glm")
    error = langchain_errors.RateLimitError("Slow down.", status_code=429)

    assert isinstance(error, APIError)
    assert "#ratelimiterror" in error._repr_html_()


def test_endpoints_have_prices_and_speed():
    endpoint = EndpointInfo(tag="novita/bf16", pricing=Pricing(prompt=0.55), uptime_last_30m=99.87)
    texts = page_of(Endpoints([endpoint])).texts

    assert {"novita/bf16", "0.55", "99.9"} <= set(texts)


def test_credits_say_what_is_left():
    texts = page_of(CreditsInfo(total_credits=10, total_usage=2.5)).texts

    assert texts == ["Bought", "10.00 USD", "Used", "2.50 USD", "Left", "7.50 USD"]
    assert page_of(CreditsInfo()).texts == []


def test_activity_has_its_days_and_a_total():
    row = ActivityInfo(date="2026-11-30", model="z-ai/glm-4.6", provider_name="Z.AI", usage=0.5)
    earlier = ActivityInfo(date="2026-11-02", model="z-ai/glm-4.6", provider_name="Z.AI", usage=1)
    texts = page_of(Activity([row, earlier])).texts

    assert "2026-11-02 to 2026-11-30, UTC" in texts
    assert texts.count("1.500000") == 2
    assert "Total" in page_of(Activity()).texts


def test_nothing_of_it_is_imported_with_the_package():
    code = (
        "import sys, glm_openrouter; assert not {'html', 'glm_openrouter._html'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
