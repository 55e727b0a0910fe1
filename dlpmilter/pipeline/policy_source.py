# SPDX-License-Identifier: Apache-2.0
"""The policy in force, loaded again on SIGHUP. Never falls back to no policy: a broken one leaves the old in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpmilter import maillog, metrics
from dlpmilter.config import ConfigError
from dlpmilter.detect.patterns import why_refused
from dlpmilter.policy.load import load_policy

if TYPE_CHECKING:
    from dlpmilter.config import Config
    from dlpmilter.policy.schema import Policy


class PolicySource:
    """The policy in force. A reload that fails keeps the old one and says so in log and metric."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.current: Policy = self._load()
        maillog.policy_loaded(self.current.version)

    def _load(self) -> Policy:
        config = self._config
        return load_policy(
            config.policy,
            internal_domains=config.internal_domains,
            require_governance=True,
            allow_sample=config.allow_sample_governance,
            compiles=why_refused,
        )

    def reload(self) -> None:
        """Read the policy directory again (SIGHUP)."""
        try:
            self.current = self._load()
        except ConfigError as error:
            metrics.policy_reloads.labels("refused").inc()
            maillog.policy_refused(len(error.problems), str(error.problems[0]))
        else:
            metrics.policy_reloads.labels("loaded").inc()
            maillog.policy_loaded(self.current.version)
