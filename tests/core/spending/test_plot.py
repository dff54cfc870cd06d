"""What is drawn of spend and of a log: what stands in the figure, whatever the names are and however many there are."""

import json
import subprocess
import sys
from datetime import date, timedelta
from io import BytesIO

import pytest

from glm_openrouter import Completion, Usage, read_log_report, track_spend
from glm_openrouter.completions import PromptTokensDetails

CALL = {
    "operation": "chat",
    "model": "z-ai/glm-4.6",
    "provider": "Z.AI",
    "prompt_tokens": 100,
    "cached_tokens": 25,
    "completion_tokens": 60,
    "cost": 0.25,
    "seconds": 3.0,
    "seconds_to_first_token": 1.0,
}


@pytest.fixture
def plot(tmp_path):
    """Return a function that draws a log, and returns what is written in the figure."""

    def draw(*calls):
        path = tmp_path / "calls.jsonl"
        lines = ({"time": "2026-11-30T12:00:00Z", **CALL, **call} for call in calls)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return words_of(read_log_report(path).plot())

    return draw


def words_of(figure):
    """Draw a figure, and return each text in it that is seen."""
    from matplotlib.text import Text

    figure.savefig(BytesIO(), format="png")
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_a_row_has_cost_speed_and_cache(plot):
    words = plot({}, {"provider": "Venice", "cost": 0.0123})

    assert {"Z.AI", "Venice", "$0.25", "$0.012", "1.00 s", "30", "25%"} <= set(words)
    assert "$0.26 for 2 calls of z-ai/glm-4.6" in words


def test_days_are_drawn_where_there_are_several(plot):
    later = {"time": "2026-12-02T12:00:00Z", "cost": 0.5}

    assert {"30 Nov", "1 Dec", "2 Dec", "$0.50"} <= set(plot({}, later))
    assert not [word for word in plot({}) if "day" in word]


def test_of_many_days_the_dearest_has_a_label(plot):
    days = [date(2026, 11, 30) - timedelta(days=back) for back in range(90)]
    words = plot(*({"time": f"{day}T12:00:00Z", "cost": 0.001 + day.day / 1e6} for day in days))

    assert sum(word.startswith("$0.0010") for word in words) == 1


def test_models_are_named_where_there_are_several(plot):
    words = plot({}, {"model": "z-ai/glm-5"})

    assert {"Z.AI  z-ai/glm-4.6", "Z.AI  z-ai/glm-5"} <= set(words)


def test_of_many_providers_the_cheap_ones_share_a_row(plot):
    words = plot(*({"provider": f"P{number}", "cost": 1.0 + number} for number in range(30)))

    assert "P29" in words
    assert "P10" not in words
    assert "11 others" in words
    assert f"${sum(1.0 + number for number in range(11)):.2f}" in words


def test_speeds_that_nobody_knows_have_no_column(plot):
    words = plot({"seconds_to_first_token": None})

    assert "Cost" in words
    assert "First token" not in words


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@pytest.mark.parametrize("name", [r"$\frac{1}$", "<b>", "x" * 500, "two\nlines", "", "\N{SNOWMAN}"])
def test_any_name_is_drawn(plot, name):
    assert plot({"provider": name, "model": name})


@pytest.mark.parametrize("call", [{"cost": None}, {"cost": 0}, {"cost": 1e-12}, {"cost": 1e9}])
def test_any_cost_is_drawn(plot, call):
    assert plot(call)


def test_without_calls_the_figure_says_so(plot):
    with track_spend() as spend:
        pass

    assert plot() == words_of(spend.plot()) == ["No calls yet."]


def test_spend_without_a_log_has_cost_and_cache():
    spend = track_spend()
    prompt = PromptTokensDetails(cached_tokens=5)
    usage = Usage(cost=0.125, prompt_tokens=10, prompt_tokens_details=prompt)
    spend.add(Completion(model="z-ai/glm-4.6", provider="Venice", usage=usage))

    assert {"Venice", "$0.12", "50%"} <= set(words_of(spend.plot()))


def test_spend_with_a_log_has_all_that_stands_in_it(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({"time": "2026-11-30T12:00:00Z", **CALL}) + "\n")

    assert "1.00 s" in words_of(track_spend(log=path).plot())


def test_a_notebook_gets_a_picture():
    figure = track_spend().plot()

    assert figure._repr_png_().startswith(b"\x89PNG")


def test_no_setting_of_the_user_changes_a_plot_and_none_is_changed():
    import matplotlib

    with matplotlib.rc_context({"text.color": "white", "figure.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        figure = track_spend().plot()

        assert figure.get_facecolor() == (1, 1, 1, 1)
        assert dict(matplotlib.rcParams) == before


def test_nothing_is_imported_for_plots_before_one_is_drawn():
    later = {"matplotlib", "statistics", "glm_openrouter.spending.report"}
    code = f"import sys, glm_openrouter; glm_openrouter.track_spend(); assert not {later} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
