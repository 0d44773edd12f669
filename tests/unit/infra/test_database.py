"""The stack's own database: signed in to by IAM, over TLS, from a network that has no way out."""

from __future__ import annotations

from tests.unit.infra.templates import load, resource, resources, text

OWN = "database.yaml"


def test_nobody_knows_a_password() -> None:
    database = resource("Database", OWN)
    assert (database["EnableIAMDatabaseAuthentication"], database["ManageMasterUserPassword"]) == (True, True)
    assert "MasterUserPassword" not in database


def test_nothing_is_said_to_it_in_clear_and_it_proves_its_name() -> None:
    assert resource("DatabaseSettings", OWN)["Parameters"]["require_secure_transport"] == "ON"
    for function in ("Processor", "Query", "Admin"):
        history = text(resource(function)["Environment"]["Variables"]["BYLINE_HISTORY"])
        assert "?tls=verify&ca=/var/task/rds-ca.pem&auth=iam" in history


def test_it_is_strict_and_takes_a_value_of_eight_mebibytes() -> None:
    """It would cut what is too long, and refuse a statement with a large value in it."""
    parameters = resource("DatabaseSettings", OWN)["Parameters"]
    assert "STRICT_TRANS_TABLES" in parameters["sql_mode"]
    assert int(parameters["max_allowed_packet"]) >= 64 * 1024 * 1024


def test_it_is_encrypted_kept_and_out_of_reach() -> None:
    database = load(OWN)["Resources"]["Database"]
    assert database["Properties"]["StorageEncrypted"] is True
    assert (database["DeletionPolicy"], database["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    instances = resources("AWS::RDS::DBInstance", OWN).values()
    assert [instance["PubliclyAccessible"] for instance in instances] == [False, False]


def test_only_the_functions_reach_it() -> None:
    (allowed,) = resource("DatabaseGuard", OWN)["SecurityGroupIngress"]
    assert allowed["SourceSecurityGroupId"] == {"Ref": "FunctionsGuard"}
    assert (allowed["FromPort"], allowed["ToPort"]) == (3306, 3306)


def test_there_is_no_way_out_but_to_the_bucket_and_the_queue() -> None:
    kinds = {one["Type"] for one in load(OWN)["Resources"].values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route"}
    endpoints = [text(one["ServiceName"]) for one in resources("AWS::EC2::VPCEndpoint", OWN).values()]
    assert [name.rstrip("'}").rpartition(".")[2] for name in endpoints] == ["s3", "sqs"]
    assert resource("BucketEndpoint", OWN)["VpcEndpointType"] == "Gateway"
    (allowed,) = resource("BucketEndpoint", OWN)["PolicyDocument"]["Statement"]
    assert all("${EventsBucketName}" in text(one) for one in allowed["Resource"])
