# SPDX-License-Identifier: Apache-2.0
"""What the pure engine must be told: who works here, what was agreed, who wrote before, what was sent lately."""
