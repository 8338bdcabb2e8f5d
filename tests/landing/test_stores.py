"""Landing zones that are no folder: S3, against moto's server on loopback, and fsspec's memory."""

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

from pipelines.landing import LandingZoneError, list_landing, pull, read_archived, zone
from tests.landing.conftest import PULLED_AT, a_return, ledger

NAME = "8012001_2025-26_autumn_01.zip"


@pytest.fixture(scope="module")
def s3_server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """A bucket `returns`, and the environment that an LA would set."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_CONFIG_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.resource("s3")
    returns = s3.create_bucket(Bucket="returns", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    yield returns
    returns.objects.delete()
    returns.delete()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def in_s3(settings):
    # the settling time is the default's: an object is whole as soon as it can be seen
    return settings.model_copy(update={"landing_url": "s3://returns/send"})


def test_returns_are_pulled_from_s3_at_any_depth(in_s3, connection, bucket):
    bucket.put_object(Key=f"send/from schools/2025/{NAME}", Body=a_return())
    bucket.put_object(Key="send/8012002_2025-26_autumn_01.zip", Body=a_return("8012002", "100002"))
    bucket.put_object(Key="send/folder/", Body=b"")
    bucket.put_object(Key="send/~$8012002_2025-26_autumn_01.xlsx", Body=b"lock")
    bucket.put_object(Key="elsewhere/8012001_2025-26_spring_01.zip", Body=a_return(term="SPRING"))
    summary = pull(in_s3, connection, PULLED_AT)
    assert ledger(connection, "path, state, urn") == [
        ("8012002_2025-26_autumn_01.zip", "received", "100002"),
        (f"from schools/2025/{NAME}", "received", "100001"),
    ]
    [(_, sha256)] = ledger(connection, "path, sha256")[1:]
    assert read_archived(in_s3, sha256) == a_return()
    assert (summary.new, summary.waiting) == (2, 0)


def test_a_second_pull_from_s3_reads_nothing_again_and_sees_what_came_since(in_s3, connection, bucket, monkeypatch):
    bucket.put_object(Key=f"send/{NAME}", Body=a_return())
    pull(in_s3, connection, PULLED_AT)
    with monkeypatch.context() as closed:
        closed.setattr(zone, "open_entry", lambda *_: pytest.fail("opened again"))
        assert pull(in_s3, connection, PULLED_AT).new == 0
    bucket.put_object(Key=f"send/{NAME}", Body=a_return(note=",overwritten"))
    bucket.put_object(Key="send/8012001_2025-26_spring_01.zip", Body=a_return(term="SPRING"))
    assert pull(in_s3, connection, PULLED_AT).new == 2


def test_an_object_over_the_limit_is_archived_in_pieces(in_s3, connection, bucket):
    bucket.put_object(Key=f"send/{NAME}", Body=b"x" * 1_500_000)
    pull(in_s3.model_copy(update={"max_file_megabytes": 1}), connection, PULLED_AT)
    [(sha256, size, fault, urn)] = ledger(connection, "sha256, bytes, fault, urn")
    assert (size, fault, urn) == (1_500_000, "too_large", "100001")
    assert read_archived(in_s3, sha256) == b"x" * 1_500_000


def test_an_object_that_the_store_refuses_is_tried_again(in_s3, connection, bucket, monkeypatch):
    bucket.put_object(Key=f"send/{NAME}", Body=a_return())
    store = fsspec.get_filesystem_class("s3")
    with monkeypatch.context() as refused:
        refused.setattr(store, "open", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("reset by peer")))
        assert pull(in_s3, connection, PULLED_AT).not_readable == 1
    assert ledger(connection, "state") == [("waiting_not_readable",)]
    assert pull(in_s3, connection, PULLED_AT).new == 1
    assert ledger(connection, "state") == [("received",)]


def test_an_empty_prefix_gives_nothing(in_s3, connection, bucket):
    assert pull(in_s3, connection, PULLED_AT).new == 0


def test_a_bucket_that_is_not_there_is_a_clear_error(in_s3, connection, bucket):
    with pytest.raises(LandingZoneError, match="cannot be listed"):
        pull(in_s3.model_copy(update={"landing_url": "s3://no-such-bucket/send"}), connection, PULLED_AT)


def test_a_store_that_does_not_answer_is_a_clear_error(in_s3, connection, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(LandingZoneError, match="cannot be listed"):
        pull(in_s3, connection, PULLED_AT)


def test_the_listing_of_a_store_changes_when_an_object_does(in_s3, bucket):
    empty = list_landing(in_s3)
    bucket.put_object(Key=f"send/{NAME}", Body=a_return())
    one = list_landing(in_s3)
    assert list_landing(in_s3) == one
    bucket.put_object(Key=f"send/{NAME}", Body=a_return(note=",other"))
    assert (empty, len(one)) == ([], 1)
    assert list_landing(in_s3) != one


def test_any_fsspec_url_is_a_landing_zone(settings, connection):
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/landing/deep/{NAME}", a_return())
    try:
        summary = pull(settings.model_copy(update={"landing_url": "memory://landing"}), connection, PULLED_AT)
        assert ledger(connection, "path, state, urn") == [(f"deep/{NAME}", "received", "100001")]
        assert summary.new == 1
    finally:
        memory.rm("/landing", recursive=True)
