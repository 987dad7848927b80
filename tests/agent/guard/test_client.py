"""Whom a request is counted for."""

import pytest

from agent.config import Settings
from agent.guard.client import client, is_trusted

PROXIES = Settings(_env_file=None, TRUSTED_PROXIES="10.0.0.0/8, 2001:db8:ffff::/48,192.0.2.7").trusted_proxies


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger may say anything
        ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # what it was told it passes on
        ("10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9,192.0.2.7", "198.51.100.1"),
        ("10.1.2.3", "10.4.4.4", "10.4.4.4"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1, nonsense", "10.1.2.3"),
        ("10.1.2.3", ",,,", "10.1.2.3"),
        ("10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("10.1.2.3", "[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("", "198.51.100.1", ""),
        ("/run/socket", "198.51.100.1", ""),
        ("10.1.2.3", "10.0.0.1" + ",10.0.0.1" * 10_000, "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_that_no_proxy_of_ours_is(peer, forwarded, counted):
    assert client(peer, forwarded, PROXIES) == counted


def test_a_proxy_is_known_by_its_address():
    assert is_trusted("10.1.2.3", PROXIES)
    assert not is_trusted("203.0.113.9", PROXIES)
    assert not is_trusted("", PROXIES)


def test_what_is_no_network_is_told():
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        Settings(_env_file=None, TRUSTED_PROXIES="10.0.0.1/8")
