# SPDX-License-Identifier: Apache-2.0
"""One fresh mail, from the final dot to the reply: accept.py is the way, judge.py the verdict."""
