# SPDX-License-Identifier: Apache-2.0
"""`python -m dlpmilter` is the command line; this file never does anything else."""

from dlpmilter.cli.main import main

if __name__ == "__main__":
    main()
