"""Signatures against Twilio's published example, checked vectors and Twilio's own validator."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from agent.wire.signature import media_urls, sign, valid, webhook_urls

VECTORS = json.loads((Path(__file__).parent / "vectors" / "signature_vectors.json").read_text("utf-8"))
TOKEN = "12345"
BY_NAME = {vector["name"]: vector for vector in VECTORS}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_is_signed_as_published(vector):
    algorithm = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}[vector["algorithm"]]

    signature = sign(vector["url"], vector["params"].items(), vector["auth_token"], algorithm)

    assert signature == vector["signature"]


@given(st.lists(st.tuples(TEXT, TEXT), max_size=6))
def test_any_form_is_signed_as_the_twilio_library_does(fields):
    url = "https://voice.example.in/twilio/voice?a=1"

    assert sign(url, fields, TOKEN) == RequestValidator(TOKEN).compute_signature(url, MultiDict(fields))


def test_the_order_of_fields_and_repeats_of_a_pair_do_not_matter():
    url = "https://h.example/x"
    one = sign(url, [("b", "2"), ("A", "1"), ("b", "1"), ("b", "2")], TOKEN)

    assert one == sign(url, [("A", "1"), ("b", "1"), ("b", "2")], TOKEN)


@pytest.mark.parametrize("name", ["with-port", "port-dropped"])
def test_a_webhook_passes_with_and_without_its_port(name):
    urls = webhook_urls("https://voice.example.in:8443/twilio/voice")

    assert valid(BY_NAME[name]["signature"], urls, TOKEN, fields=[("CallSid", "CA1")])


def test_a_webhook_without_a_port_passes_with_the_default_one():
    urls = webhook_urls("https://voice.example.in/twilio/voice")

    assert valid(BY_NAME["default-port-explicit"]["signature"], urls, TOKEN, fields=[("CallSid", "CA1")])


def test_credentials_and_fragments_are_not_part_of_what_is_signed():
    urls = webhook_urls("https://user:p%40ss@voice.example.in:8443/twilio/voice#rc=2")

    assert urls == ("https://voice.example.in:8443/twilio/voice", "https://voice.example.in/twilio/voice")


def test_an_ipv6_host_keeps_its_brackets():
    assert webhook_urls("http://[::1]:3000/x") == ("http://[::1]:3000/x", "http://[::1]/x")
    assert webhook_urls("http://[::1]/x") == ("http://[::1]/x", "http://[::1]:80/x")


@pytest.mark.parametrize("name", ["wss-handshake", "wss-handshake-slash"])
@pytest.mark.parametrize("base", ["https://voice.example.in", "wss://voice.example.in", "https://voice.example.in:443"])
def test_a_media_socket_passes_with_and_without_a_slash(name, base):
    assert valid(BY_NAME[name]["signature"], media_urls(f"{base}/twilio/media"), TOKEN)


def test_a_media_socket_signed_with_its_port_passes():
    signature = sign("wss://voice.example.in:8443/twilio/media/", (), TOKEN)

    assert valid(signature, media_urls("https://voice.example.in:8443/twilio/media"), TOKEN)


def test_a_media_socket_signed_as_https_is_refused():
    assert not valid(
        BY_NAME["https-form-of-the-same"]["signature"], media_urls("https://voice.example.in/twilio/media"), TOKEN
    )


def test_a_json_body_needs_its_hash_in_the_address():
    vector = BY_NAME["json-bodySHA256"]
    body = b'{"CallSid":"CA1234567890ABCDE","Caller":"+12349013030"}'

    assert valid(vector["signature"], webhook_urls(vector["url"]), TOKEN, body=body)
    assert not valid(vector["signature"], webhook_urls(vector["url"]), TOKEN, body=body + b" ")


def test_a_signed_address_does_not_vouch_for_a_body_it_says_nothing_about():
    url = "https://example.com/voice"

    assert not valid(sign(url, (), TOKEN), [url], TOKEN, body=b"{}")


@pytest.mark.parametrize("signature", ["", "x", "ééé", "\x00", "\ud800", "A" * 10_000])
def test_nonsense_is_refused_without_an_error(signature):
    assert not valid(signature, ["https://example.com/voice"], TOKEN)


def test_an_empty_token_fits_nothing():
    url = "https://example.com/voice"

    assert not valid(sign(url, (), ""), [url], "")


def test_no_address_means_no():
    assert not valid(sign("https://example.com", (), TOKEN), [], TOKEN)


def test_either_of_two_tokens_will_do_and_an_empty_one_never():
    url = "https://example.com/voice"
    signature = sign(url, (), TOKEN)

    assert valid(signature, [url], ("", "new", TOKEN))
    assert not valid(signature, [url], ("new", ""))
    assert not valid(sign(url, (), ""), [url], ("", ""))
    assert not valid(signature, [url], ())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_passes_where_it_should_and_nowhere_else(vector):
    """As this server is asked: SHA-1 alone, at the address that is configured."""
    sha1 = vector["algorithm"] == "HMAC_SHA1"
    urls, fields = webhook_urls(vector["url"]), list(vector["params"].items())
    body = b'{"CallSid":"CA1234567890ABCDE","Caller":"+12349013030"}' if "bodySHA256" in vector["url"] else None

    assert valid(vector["signature"], urls, TOKEN, fields=fields, body=body) is sha1
    assert not valid(vector["signature"], urls, TOKEN, fields=[*fields, ("Extra", "1")], body=body and body + b"x")
    assert not valid(vector["signature"], webhook_urls(vector["url"] + "x"), TOKEN, fields=fields, body=body)
    assert not valid(vector["signature"], urls, "54321", fields=fields, body=body)
