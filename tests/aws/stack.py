"""The stack of infra/template.yaml on an emulator of AWS: deployed from the very template and the very zips, asked by
boto3 and HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import pymysql
from sqlalchemy import make_url

from tests import emulator
from tests.aws.issuer import Issuer

TEMPLATE = emulator.ROOT / "infra/template.yaml"
SERVICE = emulator.ROOT / "infra/service.yaml"
NAME = "byline"
CODE = "code"
RELEASE = "release"
ARCHITECTURE = "arm64"
"""The default. The zips are built for the machine at hand, whatever they are called: the emulator does not care."""

_IN_BATCHES = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:SendMessage"}

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 60) -> T:
    """What is seen once it is there."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not come to that within {seconds} s: {found!r}"
        time.sleep(0.02)
    return found


class Answer(NamedTuple):
    """Of a function."""

    failed: str | None
    said: Any


class Stack:
    """Everything that a test asks."""

    def __init__(self, aws: emulator.Aws, trusted: Path, who: Issuer, database: str, folder: Path) -> None:
        self.issuer = who
        self.folder = folder
        self.database = database
        self.aws = aws
        self._open = ExitStack()
        self._trusted = str(trusted)
        self.s3, self.sqs = self.client("s3"), self.client("sqs")
        self._lambda = self.client("lambda")
        self.outputs: dict[str, str] = {}
        self.http: httpx.Client = None  # type: ignore[assignment]
        self.seconds = 0.0
        """How long the deployment took."""
        self.first_row_seconds = 0.0
        """From its beginning to the first answer by HTTP that holds a row."""
        self.doctor: dict[str, Any] = {}
        """What doctor said then."""

    def client(self, service: str, **more: Any) -> Any:
        client = self.aws.client(service, verify=self._trusted, **more)
        self._open.callback(client.close)
        return client

    @property
    def bucket(self) -> str:
        return self.outputs["EventsBucketName"]

    def deploy(self, zips: Mapping[str, Path], parameters: Mapping[str, str]) -> None:
        """As a person would: the code into a bucket, then the stack from the template."""
        self.s3.create_bucket(Bucket=CODE, CreateBucketConfiguration={"LocationConstraint": emulator.REGION})
        for function, zip_file in zips.items():
            self.s3.upload_file(str(zip_file), CODE, f"{RELEASE}/{function}-{ARCHITECTURE}.zip")
        started = time.monotonic()
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=NAME,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        eventually(lambda: self._is_done(cloudformation, NAME))
        told = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in told}
        self.seconds = time.monotonic() - started
        self._make_numbers()
        self._allow_batches()
        self.http = self._open.enter_context(
            httpx.Client(
                base_url=f"{self.aws.endpoint}/_aws/execute-api/{self.outputs['ApiId']}",
                verify=ssl.create_default_context(cafile=self._trusted),
                timeout=60,
            )
        )

    def _make_numbers(self) -> None:
        """A parameter of a template is a text, which CloudFormation reads as the number that a property wants, and the
        emulator does not."""
        (source,) = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        self._lambda.update_event_source_mapping(
            UUID=source["UUID"],
            BatchSize=int(source["BatchSize"]),
            ScalingConfig={"MaximumConcurrency": int(source["ScalingConfig"]["MaximumConcurrency"])},
        )

    def _allow_batches(self) -> None:
        """Who may send, delete or hide a message may do so with ten (Amazon SQS developer guide, "Amazon SQS API
        permissions"); the emulator asks for a right of another name, which AWS does not know."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                policy = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
                for statement in policy["Statement"]:
                    if statement["Action"] in _IN_BATCHES:
                        statement["Action"] = [statement["Action"], f"{statement['Action']}Batch"]
                iam.put_role_policy(RoleName=role["RoleName"], PolicyName=name, PolicyDocument=json.dumps(policy))

    def change(self, **parameters: str) -> None:
        """Deploy once more, with these parameters and all others as they are."""
        cloudformation = self.client("cloudformation")
        known = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]["Parameters"]
        kept = {one["ParameterKey"]: {"UsePreviousValue": True} for one in known}
        given = kept | {name: {"ParameterValue": value} for name, value in parameters.items()}
        cloudformation.update_stack(
            StackName=NAME,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": name, **value} for name, value in given.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        eventually(lambda: self._is_done(cloudformation, NAME, "UPDATE_COMPLETE"))

    def _is_done(self, cloudformation: Any, name: str, wanted: str = "CREATE_COMPLETE") -> bool:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status.endswith("IN_PROGRESS"):
            return False
        if status != wanted:
            told = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            raise AssertionError([event.get("ResourceStatusReason") for event in told if "FAILED" in str(event)])
        return True

    def call(self, function: str, event: Mapping[str, Any]) -> Answer:
        """One of the functions, waiting for what it answers."""
        told = self._lambda.invoke(FunctionName=f"{NAME}-{function}", Payload=json.dumps(event))
        return Answer(told.get("FunctionError"), json.loads(told["Payload"].read()))

    def live(self) -> str:
        """The version of the query function that readers meet, once it is ready. The emulator goes on with what it
        started for the alias before, so another version is to be called by its number."""
        version: str = self._lambda.get_alias(FunctionName=f"{NAME}-query", Name="live")["FunctionVersion"]
        ready = self._lambda.get_waiter("published_version_active")
        ready.wait(FunctionName=f"{NAME}-query", Qualifier=version, WaiterConfig={"Delay": 1})
        return version

    def run(self, *command: str) -> dict[str, Any]:
        """A command of the admin function's."""
        answer = self.call("admin", {"command": list(command)})
        assert answer.failed is None, answer.said
        found: dict[str, Any] = answer.said
        return found

    def scheduled(self) -> list[dict[str, Any]]:
        """What the stack's schedules send to the admin function."""
        events = self.client("events")
        rules = [rule["Name"] for rule in events.list_rules(NamePrefix=NAME)["Rules"]]
        found = [
            json.loads(one["Input"]) for rule in rules for one in events.list_targets_by_rule(Rule=rule)["Targets"]
        ]
        assert sorted(one["task"] for one in found) == ["partitions", "sweep"]
        return found

    def put(self, key: str, events: Iterable[Mapping[str, Any]] | bytes) -> str:
        """An object of events, as a service would put it."""
        body = events if isinstance(events, bytes) else b"".join(json.dumps(one).encode() + b"\n" for one in events)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def get(self, path: str, *, token: str | None = None, **params: Any) -> httpx.Response:
        """A question, with a good token unless another is given; an empty one: none."""
        token = self.issuer.token() if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.get(path, params=params, headers=headers)

    def rows(self, *, token: str | None = None, **filters: Any) -> list[dict[str, Any]]:
        """Changes, by HTTP."""
        answer = self.get("/v1/changes", token=token, **filters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def query(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Rows from the history itself, as a person with a SQL client would see them."""
        url = make_url(self.database)
        connection = pymysql.connect(
            host=url.host or "",
            port=url.port or 0,
            user=url.username,
            password=url.password or "",
            database=url.database,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def as_service(self, name: str) -> Any:
        """S3, as a service sees it that has what infra/service.yaml gives, and nothing else."""
        cloudformation, iam = self.client("cloudformation"), self.client("iam")
        given = {"ServiceName": name, "EventsBucketName": self.bucket}
        cloudformation.create_stack(
            StackName=f"service-{name}",
            TemplateBody=SERVICE.read_text(),
            Parameters=[{"ParameterKey": one, "ParameterValue": value} for one, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        eventually(lambda: self._is_done(cloudformation, f"service-{name}"))
        (output,) = cloudformation.describe_stacks(StackName=f"service-{name}")["Stacks"][0]["Outputs"]
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=output["OutputValue"])
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        return self.client("s3", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])

    def drained(self) -> bool:
        """Whether nothing waits or is under way."""
        told = self.sqs.get_queue_attributes(QueueUrl=self.outputs["QueueUrl"], AttributeNames=["All"])["Attributes"]
        return told["ApproximateNumberOfMessages"] == told["ApproximateNumberOfMessagesNotVisible"] == "0"

    def workers(self, function: str = "") -> list[int]:
        """The processes that run a function, or any, by where they work."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                where = (process / "cwd").readlink()
                if where.is_relative_to(self.folder) and f"-{NAME}-{function}" in where.parent.name:
                    found.append(int(process.name))
        return found

    def kill_workers(self, function: str = "") -> int:
        """As Lambda may end them at any moment; says how many there were."""
        found = self.workers(function)
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        return len(found)

    def close(self) -> None:
        """The emulator waits for whoever is still connected, and workers are."""
        self._open.close()
        self.kill_workers()
