# SPDX-License-Identifier: Apache-2.0
"""The pages where people see their cases and decide. Never decides who may: holds/ does, for every door alike.

Server-rendered, without JavaScript, nothing from elsewhere; a GET changes nothing.
"""
