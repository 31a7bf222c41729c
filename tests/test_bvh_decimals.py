"""Numbers read and written in bulk are the ones that `float` and "%.6f" give, to the last bit and
character.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinestyle.formats.bvh import decimals
from kinestyle.formats.bvh.decimals import format_decimals, parse_decimals

BLANKS = st.sampled_from([b" ", b"\n", b"\t", b"  ", b" \n", b"\n\n", b"\t \f\v"])
TOKENS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{0,9}\.?[0-9]{0,20}", fullmatch=True).filter(
        lambda text: any(c.isdigit() for c in text)
    ),
    st.from_regex(r"[+-]?[0-9]{1,3}\.[0-9]{6}", fullmatch=True),
    st.from_regex(r"-?[0-9]{7,9}\.[0-9]{6,9}", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{1,2}\.[0-9]{0,4}[eE][+-]?[0-9]{1,2}", fullmatch=True),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(
        np.asarray(a, dtype=float).view(np.int64), np.asarray(b, dtype=float).view(np.int64)
    )


@settings(deadline=None, max_examples=300)
@given(
    tokens=st.lists(st.tuples(TOKENS, BLANKS), min_size=1, max_size=40),
    ending=st.sampled_from([b"", b"\n", b" "]),
)
def test_numbers_are_those_of_float(tokens: list[tuple[str, bytes]], ending: bytes) -> None:
    text = (
        b"".join(token.encode() + blank for token, blank in tokens[:-1])
        + tokens[-1][0].encode()
        + ending
    )
    found = parse_decimals(text, 10**6)
    assert found is not None
    assert same_bits(found.values, np.array([float(token) for token, _ in tokens]))
    plain = [token for token, _ in tokens if "e" not in token.lower()]
    assert found.places == max(
        (len(token) - 1 - token.index(".") for token in plain if "." in token), default=0
    )
    assert found.exponents == (len(plain) < len(tokens))
    lines = (text + b"\n").split(b"\n")[:-1]
    assert (
        found.before_line_end.tolist() == np.cumsum([len(line.split()) for line in lines]).tolist()
    )


@pytest.mark.parametrize("places", range(16))
def test_numbers_of_every_length_are_those_of_float(
    places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(places)
    values = rng.normal(size=(300, 20)) * 10.0 ** rng.integers(-6, 9, size=(300, 20))
    rows = [" ".join(f"{value:.{places}f}" for value in row) for row in values]
    wanted = np.array([[float(token) for token in row.split()] for row in rows])
    for piece in (100, 4096, 2**18):
        monkeypatch.setattr(decimals, "_PIECE_BYTES", piece)
        for separator in ("\n", " \n", "\n\n"):
            found = parse_decimals(separator.join(rows).encode(), wanted.size)
            assert found is not None
            assert same_bits(found.values, wanted.ravel())
            assert found.places == places
            assert found.before_line_end[-1] == wanted.size
            assert len(found.before_line_end) == 299 * separator.count("\n") + 1


@pytest.mark.parametrize(
    "odd",
    [
        "1.2.3",
        "--1",
        "+-1",
        "1-",
        "1e",
        "e5",
        ".",
        "-",
        "+.",
        "1,5",
        "nan",
        "inf",
        "0x10",
        "1_0",
        "?",
        "1\x002",
        "1\x1f",
        "1.5\x7f",
        "1234567x",
        "0.1234567x",
        "0.1234567:",
        "1/2",
        "ÿ",
    ],
)
def test_what_is_no_number_is_odd(odd: str) -> None:
    for before, after in (
        ("", ""),
        ("1.5 ", ""),
        ("", " 1.5"),
        ("1.500000 2.250000\n", "\n3.125000 4.0"),
    ):
        assert parse_decimals((before + odd + after).encode("latin-1"), 100) is None


def test_one_number_more_than_expected_is_odd() -> None:
    assert parse_decimals(b"1 2 3", 2) is None
    assert parse_decimals(b"1 2 3", 3) is not None
    empty = parse_decimals(b" \n ", 3)
    assert empty is not None
    assert len(empty.values) == 0
    assert empty.before_line_end.tolist() == [0, 0]


def printed(values: np.ndarray, places: int, newline: str) -> bytes:
    return b"".join(
        b" ".join(b"%.*f" % (places, value) for value in row) + newline.encode()
        for row in values.tolist()
    )


@settings(deadline=None, max_examples=300)
@given(
    rows=st.lists(
        st.lists(
            st.one_of(
                st.floats(-1e13, 1e13),
                st.floats(-1000, 1000),
                st.integers(-2000, 2000).map(lambda i: i / 64),
            ),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=5,
    ),
    places=st.integers(3, 20),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_numbers_are_printed_as_the_percent_sign_prints_them(
    rows: list[list[float]], places: int, newline: str
) -> None:
    values = np.array(rows)
    assert format_decimals(values, places, newline) == printed(values, places, newline)


@pytest.mark.parametrize("places", [3, 4, 6, 7, 8, 10, 15, 16])
def test_ties_carries_and_signs_are_printed_exactly(places: int) -> None:
    step = 10.0**-places
    whole = np.array([0.0, 1, 9, 10, 99, 999, 1000, 9999, 10000, 123456, 9999999, 1e7, 1e12])
    part = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.5]) * step
    values = np.concatenate([np.add.outer(whole, part), np.subtract.outer(whole, part)]).reshape(
        -1, 6
    )
    values = np.concatenate(
        [values, -values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)]
    )
    assert b"-0." in format_decimals(values, places, "\n")
    assert format_decimals(values, places, "\n") == printed(values, places, "\n")


def test_many_rows_are_printed_as_few_are() -> None:
    values = np.random.default_rng(0).normal(scale=200.0, size=(3000, 17))
    values[1234, 5] = 3e9
    assert format_decimals(values, 6, "\r\n") == printed(values, 6, "\r\n")
    back = parse_decimals(format_decimals(values, 6, "\n"), values.size)
    assert back is not None
    assert same_bits(back.values.reshape(values.shape), np.round(values, 6))
