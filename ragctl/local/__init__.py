"""The local stack: AWS's services and the functions on this machine, from template.yaml."""
