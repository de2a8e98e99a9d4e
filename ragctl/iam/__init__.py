"""Who may do what: policies and their evaluation, the actions that requests stand for, the table of all grants.

The local stack refuses by it what AWS would refuse (ragctl/local/authority.py); docs/iam.md is made of it.
"""
