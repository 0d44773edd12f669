from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from byline.bucket.folder import FolderBucket
from byline.errors import UsageError
from byline.settings import Settings, path_of
from byline.wiring import open_bucket, open_queue


def load(**environ: str) -> Settings:
    return Settings.load(environ=environ)


def test_without_any_variable_everything_lies_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load()
    data = tmp_path / "byline-data"
    assert settings.data == data
    assert settings.bucket == f"file://{data}/bucket"
    assert settings.queue == f"sqlite:///{data}/queue.db"
    assert settings.history == f"sqlite:///{data}/history.db"
    assert settings.spool == data / "spool"
    assert (settings.service, settings.cursor_key, settings.embed_origins) == (None, None, ())
    assert (settings.queue_visibility, settings.queue_max_receives) == (60, 5)


def test_the_argument_wins_over_the_variable(tmp_path):
    assert Settings.load(tmp_path / "a", {"BYLINE_DATA": str(tmp_path / "b")}).data == tmp_path / "a"
    assert Settings.load(None, {"BYLINE_DATA": str(tmp_path / "b")}).data == tmp_path / "b"


def test_an_empty_variable_counts_as_one_that_is_not_set():
    names = ("DATA", "BUCKET", "QUEUE", "HISTORY", "SPOOL", "SERVICE", "CURSOR_KEY", "QUEUE_VISIBILITY")
    assert load(**{f"BYLINE_{name}": " " for name in names}) == load()


def test_paths_stay_where_they_were_meant_when_the_process_goes_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = load(BYLINE_DATA="data")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert path_of(settings.bucket) == tmp_path / "data/bucket"


@pytest.mark.parametrize(
    "name", ["a b", "50%", "%20", "#1", "wo?", "käse", "a&b=c", "[x]", "a\\b", "~", "a:b@c", '"', "\udcff"]
)
def test_a_data_folder_of_any_name_works(tmp_path, name):
    settings = Settings.load(tmp_path / name, {})
    assert path_of(settings.bucket) == tmp_path / name / "bucket"
    assert path_of(settings.queue) == tmp_path / name / "queue.db"
    assert path_of(settings.history) == tmp_path / name / "history.db"
    if "\udcff" not in name:
        assert open_bucket(settings).put("events/a.json", b"x") is True
        open_queue(settings).close()
        assert {file.name for file in (tmp_path / name).iterdir()} == {"bucket", "queue.db"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///abs/bucket", "/abs/bucket"),
        ("file://localhost/abs/bucket", "/abs/bucket"),
        ("file://relative/bucket", "{cwd}/relative/bucket"),
        ("file://./relative", "{cwd}/relative"),
        ("file://~/bucket", "{home}/bucket"),
        ("file:///~/bucket", "{home}/bucket"),
        ("file:///a%20b/50%/c#d?e", "/a b/50%/c#d?e"),
        ("file:///localhost/x", "/localhost/x"),
        ("sqlite:////abs/queue.db", "/abs/queue.db"),
        ("sqlite:///relative/queue.db", "{cwd}/relative/queue.db"),
        ("sqlite:///./queue.db", "{cwd}/queue.db"),
        ("sqlite:///~/queue.db", "{home}/queue.db"),
        ("sqlite:////a%20b/k%C3%A4se", "/a b/käse"),
    ],
)
def test_a_url_of_a_path_is_that_path(url, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert path_of(url) == Path(path.format(cwd=tmp_path, home="/home/somebody"))


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("BYLINE_BUCKET", "s3://bucket"),
        ("BYLINE_BUCKET", "s3://my.bucket-1/pre/fix/"),
        ("BYLINE_BUCKET", "gs://bucket/a"),
        ("BYLINE_BUCKET", "az://container/a"),
        ("BYLINE_BUCKET", "file://bucket"),
        ("BYLINE_QUEUE", "sqs:https://sqs.eu-central-1.amazonaws.com/111111111111/byline"),
        ("BYLINE_QUEUE", "sqs:http://127.0.0.1:4566/111111111111/byline"),
        ("BYLINE_HISTORY", "mysql://byline:secret@db.internal:3306/byline"),
        ("BYLINE_HISTORY", "sqlite:///~/history.db"),
        ("BYLINE_HISTORY", "secret:byline/history"),
        ("BYLINE_HISTORY", "secret:arn:aws:secretsmanager:eu-central-1:111111111111:secret:byline-AbCdEf?tls=verify"),
    ],
)
def test_a_url_of_a_known_form_is_kept_as_it_is(name, url):
    assert getattr(load(**{name: url}), name.removeprefix("BYLINE_").lower()) == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BYLINE_BUCKET", "/just/a/path"),
        ("BYLINE_BUCKET", "file://"),
        ("BYLINE_BUCKET", "file:///"),
        ("BYLINE_BUCKET", "file:///a%00b"),
        ("BYLINE_BUCKET", "s3:bucket"),
        ("BYLINE_BUCKET", "s3://"),
        ("BYLINE_BUCKET", "s3:///prefix"),
        ("BYLINE_BUCKET", "s3://bucket/pre fix"),
        ("BYLINE_BUCKET", "s3://key:secret@bucket"),
        ("BYLINE_BUCKET", "https://bucket.s3.amazonaws.com"),
        ("BYLINE_BUCKET", "ftp://x/y"),
        ("BYLINE_QUEUE", "sqlite://"),
        ("BYLINE_QUEUE", "sqlite:///"),
        ("BYLINE_QUEUE", "sqs:"),
        ("BYLINE_QUEUE", "sqs:byline"),
        ("BYLINE_QUEUE", "https://sqs.eu-central-1.amazonaws.com/1/byline"),
        ("BYLINE_HISTORY", "mysql://"),
        ("BYLINE_HISTORY", "mysql://host"),
        ("BYLINE_HISTORY", "mysql://host:port/db"),
        ("BYLINE_HISTORY", "mysql://[host/db"),
        ("BYLINE_HISTORY", "postgresql://host/db"),
        ("BYLINE_HISTORY", "secret:"),
        ("BYLINE_HISTORY", "secret:a b"),
        ("BYLINE_QUEUE_VISIBILITY", "0"),
        ("BYLINE_QUEUE_VISIBILITY", "soon"),
        ("BYLINE_QUEUE_MAX_RECEIVES", "-1"),
        ("BYLINE_QUEUE_MAX_RECEIVES", "٣"),
        ("BYLINE_JWT_JWKS_URL", "file:///etc/jwks"),
        ("BYLINE_SIGN_IN_URL", "javascript:alert(1)"),
        ("BYLINE_EMBED_ORIGINS", "https://a.example/path"),
        ("BYLINE_EMBED_ORIGINS", "https://a.example, *"),
    ],
)
def test_a_value_of_another_form_is_refused_early_by_the_variable_s_name(name, value):
    with pytest.raises(UsageError, match=f"^{name}") as caught:
        load(**{name: value})
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_of_another_form_is_refused_where_it_counts(name):
    with pytest.raises(UsageError, match=f"^{name}"):
        load(BYLINE_BUCKET="s3://bucket", **{name: "nonsense"})
    assert load(**{name: "nonsense"}).bucket.startswith("file:")


def test_a_home_that_is_not_known_is_told():
    with pytest.raises(UsageError, match="BYLINE_DATA"):
        load(BYLINE_DATA="~nobody-of-this-name/data")


def test_one_source_of_keys_only():
    with pytest.raises(UsageError, match="BYLINE_JWT_JWKS"):
        load(BYLINE_JWT_JWKS="{}", BYLINE_JWT_JWKS_URL="https://a.example/jwks")


def test_sign_in_has_defaults_and_each_can_be_said_otherwise(tmp_path):
    usual = Settings.load(tmp_path, {})
    assert (usual.claim_account, usual.claim_scope, usual.claim_user) == ("account_id", "scope", "sub")
    assert (usual.claim_email, usual.claim_name) == ("email", "name")
    assert (usual.record_reads, usual.rate_limit) == (True, "600/minute")
    said = {"CLAIM_ACCOUNT": "org.id", "CLAIM_SCOPE": "scp", "RECORD_READS": "off", "RATE_LIMIT": "9/second"}
    other = Settings.load(tmp_path, {f"BYLINE_{name}": value for name, value in said.items()})
    assert (other.claim_account, other.claim_scope) == ("org.id", "scp")
    assert (other.record_reads, other.rate_limit) == (False, "9/second")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BYLINE_RECORD_READS", "yes"),
        ("BYLINE_RATE_LIMIT", "0/minute"),
        ("BYLINE_RATE_LIMIT", "600"),
        ("BYLINE_RATE_LIMIT", "1/fortnight"),
    ],
)
def test_a_switch_or_rate_of_another_form_is_refused(tmp_path, name, value):
    with pytest.raises(UsageError, match=name):
        Settings.load(tmp_path, {name: value})


def test_origins_are_separated_by_commas_or_spaces():
    assert load(BYLINE_EMBED_ORIGINS="https://a.example, http://b:8080 https://c").embed_origins == (
        "https://a.example",
        "http://b:8080",
        "https://c",
    )


def test_secrets_are_not_shown():
    settings = load(
        BYLINE_CURSOR_KEY="hush",
        BYLINE_HISTORY="mysql://byline:hush@db/byline",
        AWS_SECRET_ACCESS_KEY="hush",
        AZURE_STORAGE_ACCOUNT_KEY="hush",
    )
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)
    assert "mysql://byline:…@db/byline" in repr(settings)
    with pytest.raises(UsageError) as caught:
        load(BYLINE_HISTORY="maria://byline:hush@db/byline")
    assert "hush" not in str(caught.value)


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().data = Path("/")
    with pytest.raises(TypeError):
        load().environ["AWS_REGION"] = "x"


def test_only_the_clouds_own_variables_are_passed_on():
    settings = load(AWS_REGION="eu-central-1", GOOGLE_BASE_URL="x", AZURE_CLIENT_ID="y", PATH="/bin", SECRET="z")
    assert set(settings.environ) == {"AWS_REGION", "GOOGLE_BASE_URL", "AZURE_CLIENT_ID"}


def test_nothing_else_reads_the_environment():
    source = Path(__file__).parents[2] / "src/byline"
    readers = [
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        if any(word in file.read_text() for word in ("os.environ", "os.getenv", "getenv("))
    ]
    assert readers == ["settings.py"]


def test_a_folder_bucket_of_the_default_is_named_by_its_url(tmp_path):
    bucket = open_bucket(Settings.load(tmp_path / "a b", {}))
    assert isinstance(bucket, FolderBucket)
    assert bucket.name == (tmp_path / "a b/bucket").resolve().as_uri()
