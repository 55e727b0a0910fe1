# SPDX-License-Identifier: Apache-2.0
"""The product's Prometheus metrics, all in one place. Never an address, a domain or a person as label.

`deploy/metrics.md` explains each; tests/test_docs.py holds the two together.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

transactions = Counter("dlpmilter_transactions", "Mails answered, by strongest action.", ["action"])
recipients = Counter("dlpmilter_recipients", "Recipients judged.", ["recipient_class", "action"])
rule_matches = Counter("dlpmilter_rule_matches", "Recipients a rule matched, in every mode.", ["rule", "mode"])
replies = Counter("dlpmilter_replies", "Replies to the final dot, by first digit.", ["code"])
tempfails = Counter("dlpmilter_tempfails", "Temporary refusals of ours, by reason.", ["reason"])
refused = Counter("dlpmilter_refused", "Permanent refusals by protocol rule, not by policy.", ["reason"])
alarms = Counter("dlpmilter_alarms", "Trouble an operator must see, by kind.", ["kind"])
outcome_unknown = Counter("dlpmilter_outcome_unknown", "Mails whose final dot got no reply: may be sent twice.")
duplicates_suppressed = Counter("dlpmilter_duplicates_suppressed", "Recipients not relayed again on a retry.")
notices = Counter(
    "dlpmilter_notices", "Notices put into the outbox or left out, by kind and reason.", ["kind", "reason"]
)
policy_reloads = Counter("dlpmilter_policy_reloads", "Policy reloads, by result.", ["result"])
directory_reloads = Counter("dlpmilter_directory_reloads", "Readings of the file of people, by result.", ["result"])
directory_syncs = Counter("dlpmilter_directory_syncs", "Readings of the LDAP server, by result.", ["result"])
mail_host_lookups = Counter("dlpmilter_mail_host_lookups", "Looks at the mail host of a domain, by result.", ["result"])
sweeps = Counter("dlpmilter_swept", "What the sweep did, by kind.", ["kind"])
unforeseen = Counter("dlpmilter_unforeseen", "Errors nobody expected, by place.", ["place"])
inbound_learned = Counter("dlpmilter_inbound_learned", "Inbound mails by what was learned of them.", ["outcome"])
worker_restarts = Counter("dlpmilter_worker_restarts", "Processes the supervisor replaced.", ["role"])

connections = Gauge("dlpmilter_connections", "Open SMTP connections.", multiprocess_mode="livesum")
directory_rows = Gauge(
    "dlpmilter_directory_rows", "Rows of the file of people in force.", multiprocess_mode="livemostrecent"
)
open_transactions = Gauge(
    "dlpmilter_open_transactions", "Mails between final dot and reply.", multiprocess_mode="livesum"
)
overdue = Gauge(
    "dlpmilter_overdue", "Things that should be deleted already, in all stores.", multiprocess_mode="livemostrecent"
)
open_cases = Gauge("dlpmilter_open_cases", "Cases nobody has decided yet.", multiprocess_mode="livemostrecent")
outbox_due = Gauge(
    "dlpmilter_outbox_owed", "Mails we owe and have not handed over.", multiprocess_mode="livemostrecent"
)

answer_seconds = Histogram(
    "dlpmilter_answer_seconds",
    "Final dot to our reply.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 80),
)
