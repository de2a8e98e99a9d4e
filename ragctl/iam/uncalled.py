"""Grants that the local stack never sees used, each with the reason why it is there.

tests/integration/test_iam.py finds every other grant used, and none of these.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from ragctl.iam.roles import TemplateGrant


@dataclass(frozen=True)
class Uncalled:
    """Grants of some roles, actions and resources, in the patterns of a shell."""

    role: str
    action: str
    resource: str
    reason: str

    def covers(self, grant: TemplateGrant) -> bool:
        """Return whether a grant is one of these."""
        told = ((grant.role, self.role), (grant.action, self.action), (grant.resource, self.resource))
        return all(fnmatchcase(value, pattern) for value, pattern in told)


def reason_of(grant: TemplateGrant) -> str | None:
    """Return why a grant is there that nobody uses here, if there is a reason."""
    return next((entry.reason for entry in UNCALLED if entry.covers(grant)), None)


_LOGS = "Lambda writes the function's log"
_TRACES = "Lambda and Step Functions send traces, X-Ray offers no narrower resource"
_DELIVERY = "Step Functions delivers the machine's log, log delivery offers no narrower resource"
_CHILDREN = "Step Functions follows and stops the children of its distributed map"
_KEY = "DynamoDB, S3, Secrets Manager and SQS use the key in the name of who calls them, and nobody else may"
_VPC = "Lambda connects the function to the VPC, and the function's own code may not"
_PINECONE = "VectorStore=pinecone or Reranker=pinecone: read as the secret of Milvus is"
_BEDROCK = "Reranker=bedrock, of which this machine has none: the adapter is held to a stand-in"
_DEAD_LETTERS = "Lambda sends there what it could not deliver to the function"
_ACCESS_LOGS = "API Gateway writes access logs, for which it wants just these"
_SHIFTING = "CodeDeploy moves an alias to a new version step by step, and back when an alarm rings"
_CALLERS = "ApiAuthorization=IAM or API_KEY: the caller's tenant and groups, which tokens bring along"
_OVER_HTTP = (
    *("StartExecution", "StartBatch", "ShowResults"),
    *("ListDocuments", "ShowDocument", "UploadDocument", "DeleteDocument"),
)

UNCALLED: Final = (
    *(Uncalled("*Role", action, "*LogGroup", _LOGS) for action in ("logs:CreateLogStream", "logs:PutLogEvents")),
    Uncalled("*Role", "xray:*", "[*]", _TRACES),
    Uncalled("*StateMachineRole", "logs:*", "[*]", _DELIVERY),
    Uncalled("*BulkStateMachineRole", "states:DescribeExecution", "states:execution:*", _CHILDREN),
    Uncalled("*BulkStateMachineRole", "states:StopExecution", "states:execution:*", _CHILDREN),
    Uncalled("*Role", "kms:*", "*Key*", _KEY),
    Uncalled("*Role", "ec2:*", "[*]", _VPC),
    Uncalled("*Role", "secretsmanager:GetSecretValue", "PineconeSecret", _PINECONE),
    Uncalled("*Role", "bedrock:InvokeModel", "bedrock:foundation-model/*", _BEDROCK),
    Uncalled("ApiAccountRole", "logs:*", "[*]", _ACCESS_LOGS),
    Uncalled("TrafficShiftingRole", "lambda:*", "lambda:function:STACK-[*]", _SHIFTING),
    Uncalled("TrafficShiftingRole", "cloudwatch:DescribeAlarms", "[*]", _SHIFTING),
    *(Uncalled(f"{name}Role", "dynamodb:GetItem", "PrincipalsTable", _CALLERS) for name in _OVER_HTTP),
    Uncalled("DoctorRole", "sqs:SendMessage", "IngestionDeadLetterQueue", _DEAD_LETTERS),
)
