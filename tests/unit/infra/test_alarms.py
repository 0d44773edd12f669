"""Somebody hears of it: nothing is lost in silence."""

from __future__ import annotations

from byline.aws import metrics
from tests.unit.infra.templates import INFRA, resource, resources, text


def test_what_matters_has_an_alarm() -> None:
    watched = {(alarm["Namespace"], alarm["MetricName"]) for alarm in resources("AWS::CloudWatch::Alarm").values()}
    assert watched == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/ApiGateway", "5xx"),
        (metrics.NAMESPACE, "DeadLetters"),
    }


def test_one_message_that_was_given_up_is_enough() -> None:
    alarm = resource("GivenUpAlarm")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert "GivenUp" in text(alarm["Dimensions"])


def test_our_own_figures_are_watched_under_the_names_that_they_are_written_with() -> None:
    (dimension,) = resource("DeadLettersAlarm")["Dimensions"]
    written = (INFRA.parent / "src/byline/aws/metrics.py").read_text()
    assert f'"Dimensions": [["{dimension["Name"]}"]]' in written
    assert '"DeadLetters"' in (INFRA.parent / "src/byline/aws/processor.py").read_text()


def test_every_alarm_says_what_to_do_and_tells_who_asked_to_be_told() -> None:
    alarms = {**resources("AWS::CloudWatch::Alarm"), **resources("AWS::CloudWatch::Alarm", "database.yaml")}
    for name, alarm in alarms.items():
        assert len(alarm["AlarmDescription"].split(". ")) == 2, name
        assert alarm["AlarmActions"]["Fn::If"][0] == "HasTopic", name
