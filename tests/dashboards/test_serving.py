"""Where the pages are served, and with which settings of Streamlit."""

import pytest

from dashboards.serve import is_loopback, serve, streamlit_options


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "localhost", "::1"])
def test_loopback_is_served(address):
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.0.0.1", "sen.example.org"])
def test_any_other_address_is_refused_before_anything_starts(settings, address):
    with pytest.raises(ValueError, match="no sign-in yet"):
        serve(settings, address=address)


def test_nothing_is_reported_to_anybody_and_errors_show_nothing_of_the_data():
    options = streamlit_options()
    assert options["browser_gatherUsageStats"] is False
    assert options["client_showErrorDetails"] == "none"
    assert options["server_address"] == "127.0.0.1"
    assert "127.0.0.1" in options["server_allowedHosts"]
    assert options["theme_base"] == "light"
