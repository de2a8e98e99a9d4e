"""The HTTP API on this machine: api/openapi.yaml as CloudFormation resolved it, executed as API Gateway would."""
