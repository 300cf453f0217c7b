"""The job that sends the digest, and its schedule."""

import dagster as dg

from data_foundation.alerts.deliver import deliver
from data_foundation.alerts.digest import build_digest
from data_foundation.alerts.run_report import find_link
from data_foundation.orchestration.alerts.sensor import Reported

JOB_NAME = "alerts_digest"


def build_digest_schedule(reported: Reported, prefix: str = "") -> dg.ScheduleDefinition:
    """Returns the schedule of the digest, which is running by default, with the job that it starts."""
    digest = reported.routing.tree.digest
    assert digest  # noqa: S101 - the caller has looked

    @dg.op(name=f"{prefix}send_digest", description="Sends the digest; fails if a receiver did not take it.")
    def send_digest(context: dg.OpExecutionContext) -> None:
        link = find_link(reported.routing)
        message = build_digest(reported.sources, reported.warehouse, digest.hours, link)
        context.log.info("\n".join([message.title, *message.lines()]))
        if undelivered := deliver(dict.fromkeys(reported.routing.digest_receivers, message)):
            raise dg.Failure("; ".join(map(str, undelivered)), allow_retries=False)

    @dg.job(name=f"{prefix}{JOB_NAME}", description="Sends a summary of the runs, from the audit trail.")
    def alerts_digest() -> None:
        send_digest()

    return dg.ScheduleDefinition(
        name=f"{prefix}{JOB_NAME}_schedule",
        job=alerts_digest,
        cron_schedule=digest.cron,
        execution_timezone=digest.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
