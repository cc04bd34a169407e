from market.errors import MarketError


def test_market_error__line_breaks_and_escapes_inside__is_one_printable_line():
    assert str(MarketError("bid 1 (heat\n\x1b[31mpump\u2028): too\tlate")) == (
        "bid 1 (heat [31mpump ): too late"
    )
