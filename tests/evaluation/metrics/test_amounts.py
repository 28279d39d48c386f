"""Numbers in answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.metrics.amounts import Amount, amount, amounts, is_amount, same_amount


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("$1,577.00 million", [1577.0]),
        ("In FY2018 the 10-K shows -$3.5 and −.25, 3rd of 7.", [-3.5, -0.25, 7.0]),
        ("5.2B or 12 bn", [5.2, 12.0]),
        ("1,2 and 12,345,678", [1.0, 12345678.0]),
        ("5-10", [5.0, 10.0]),
        ("none", []),
        (
            "1.08x, 24.26x, 12.5bps, 5.7pp, 3 times, 1.2e6 and $100k",
            [1.08, 24.26, 12.5, 5.7, 3.0, 1.2e6, 100.0],
        ),
        ("3D, the 10K, 4Q, 12.5.3, 10-year and 1.5y", []),
        ("(3.2%)", [-3.2]),
        ("It is (1,234.5). It fell by $(7). A fee ($8).", [-1234.5, -7.0, 8.0]),
        ("sales (5) and a loss (in 3 years)", [5.0, 3.0]),
        ("–3.2 is not 2–3", [-3.2, 2.0, 3.0]),
    ],
)
def test_numbers_of_a_text(text: str, values: list[float]) -> None:
    assert [found.value for found in amounts(text)] == values


def test_which_number_is_the_answer() -> None:
    assert amount("It rose from 3 to 4.") == Amount(4.0, percent=False)
    assert amount("5 of 8. The answer is 62.5%, of all 40.") == Amount(62.5, percent=True)
    assert amount("Answer: none. It was 7.") == Amount(7.0, percent=False)
    assert amount("The answer is 3. No, the answer is 4, or 5.") == Amount(4.0, percent=False)
    assert amount("nothing") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 2019: 93.5", 93.5),
        ("The answer is the 2022 figure of 93.5", 93.5),
        ("It was 93.5 in 2022.", 93.5),
        ("The answer is, as of December 31, 2019, 93.5.", 93.5),
        ("The answer is $2,019.", 2019.0),
        ("The answer is $2019, of 7.", 2019.0),
        ("The answer is 2019.", 2019.0),
        ("May 5", 5.0),
    ],
)
def test_dates_are_passed_over(text: str, value: float) -> None:
    assert amount(text) == Amount(value, percent=False)


def test_a_year_that_is_asked_for() -> None:
    assert same_amount("The answer is 2019, when it was 93.5.", "2019") == 1
    assert same_amount("The answer is 2018, when it was 2019.", "2019") == 0


@given(
    st.decimals(0, 10**6, places=2), st.sampled_from(["x", "bps", "pp", "%", " times", "M", " million", "bn"])
)
def test_a_unit_takes_no_digit(value, unit) -> None:
    """Whatever is near enough to what stands there is right, and nothing else."""
    assert amounts(f"It is {value}{unit} now.") == [Amount(float(value), percent=unit == "%")]
    assert same_amount(f"The answer is {value}{unit}", f"{value}{unit}") == 1
    assert is_amount(f"{value}{unit}")


def test_figures_of_reports() -> None:
    assert same_amount("The answer is 1.9x", "1.08x", tolerance=0.01) == 0
    assert same_amount("24.26x", "24.9x", tolerance=0.01) == 0
    assert (
        same_amount("1.08x", "1.08") == same_amount("(3.2%)", "-3.2%") == same_amount("-3.2%", "(3.2%)") == 1
    )
    assert same_amount("3.2%", "(3.2%)") == 0


def test_same_amounts() -> None:
    assert same_amount("The answer is $1,577 million.", "$1577.00") == 1
    assert same_amount("12.5%", "0.125") == same_amount("0.125", "12.5%") == same_amount("12.5", "12.5%") == 1
    assert same_amount("12.5", "0.125") == same_amount("-3", "3") == same_amount("none", "3") == 0
    assert same_amount("100.9", "100") == 0
    assert same_amount("100.9", "100", tolerance=0.01) == same_amount("-99.1", "-100", tolerance=0.01) == 1
    assert same_amount("101.1", "100", tolerance=0.01) == same_amount("0.001", "0", tolerance=0.01) == 0
    with pytest.raises(ValueError, match="names no number"):
        same_amount("3", "three")


@given(st.floats(-1e9, 1e9).map(lambda value: round(value, 3)), st.booleans())
def test_however_it_is_written(value: float, percent: bool) -> None:
    written = f"The answer is ${value:,.3f}{'%' * percent}."
    assert amount(written) == Amount(value, percent)
    assert same_amount(written, f"{value:.3f}") == 1
