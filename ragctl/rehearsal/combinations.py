"""The parameter combinations that a rehearsal goes through.

Every architecture, store, network, authorisation and key with every other, and then what stands alone, each on top of
the defaults. What a value may name in braces exists before the stack does: see `prerequisites`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

Parameters = Mapping[str, str]


@dataclass(frozen=True)
class Combination:
    """Values for some of the template's parameters, under a name."""

    name: str
    parameters: Parameters


_PINECONE: Final = {"VectorStore": "pinecone", "PineconeHost": "rag-abc123.svc.aped-4627-b74a.pinecone.io"}
_MILVUS: Final = {"VectorStore": "milvus", "MilvusUri": "https://milvus.example:19530"}

_AXES: Final[tuple[Mapping[str, Parameters], ...]] = (
    {"arm64": {"Architecture": "arm64"}, "x86_64": {"Architecture": "x86_64"}},
    {"pinecone": _PINECONE, "milvus": _MILVUS},
    {
        "lambda-network": {"NetworkMode": "none"},
        "own-vpc": {"NetworkMode": "create"},
        "existing-vpc": {"NetworkMode": "existing", "VpcId": "{vpc}", "PrivateSubnetIds": "{subnets}"},
    },
    {
        "iam": {"ApiAuthorization": "IAM"},
        "cognito": {"ApiAuthorization": "COGNITO", "CognitoUserPoolId": "{user_pool}", "JwtAudience": "rag"},
        "jwt": {"ApiAuthorization": "JWT", "JwtIssuer": "https://issuer.example", "JwtAudience": "rag"},
        "api-key": {"ApiAuthorization": "API_KEY"},
    },
    {"aws-keys": {"CreateKmsKey": "false"}, "own-key": {"CreateKmsKey": "true"}},
)

_OWN_VPC: Final = {"NetworkMode": "create"}
_EXISTING_VPC: Final = {"NetworkMode": "existing", "VpcId": "{vpc}", "PrivateSubnetIds": "{subnets}"}
_RERANKED: Final = {"RerankModel": "bge-reranker-v2-m3"}

_ALONE: Final[Mapping[str, Parameters]] = {
    "defaults": {},
    "pinecone vector index": {"PineconeIndexKind": "vector"},
    "reranker pinecone": {**_RERANKED, "Reranker": "pinecone"},
    "reranker pinecone beside milvus": {**_RERANKED, **_MILVUS, "PineconeHost": "", "Reranker": "pinecone"},
    "reranker cohere": {**_RERANKED, "Reranker": "cohere", "RerankBaseUrl": "https://api.cohere.com/v2"},
    "reranker tei": {**_RERANKED, "Reranker": "tei", "RerankBaseUrl": "http://tei.example"},
    "reranker bedrock": {"Reranker": "bedrock", "RerankModel": "cohere.rerank-v3-5:0"},
    "reranker bedrock, own vpc": {**_OWN_VPC, "Reranker": "bedrock", "RerankModel": "cohere.rerank-v3-5:0"},
    "a model for rewriting": {"RewriteModel": "gpt-6-nano"},
    "snap start": {"SnapStart": "PublishedVersions"},
    "sidecars required": {"RequireSidecar": "true"},
    "no way out": {
        **_OWN_VPC,
        "CreateNat": "false",
        "ChatBaseUrl": "http://models.internal/v1",
        "EmbeddingBaseUrl": "http://models.internal/v1",
    },
    "no telemetry endpoints": {**_OWN_VPC, "TelemetryEndpoints": "false"},
    "existing vpc with endpoints": {
        **_EXISTING_VPC,
        "CreateEndpoints": "true",
        "PrivateRouteTableIds": "{route_tables}",
        "VectorStorePort": "19530",
    },
    "private link": {
        **_OWN_VPC,
        "VectorStoreEndpointService": "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
    },
    "private link under a name": {
        **_OWN_VPC,
        **_MILVUS,
        "VectorStoreEndpointService": "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
        "VectorStoreEndpointHost": "in01-abc.aws-us-east-1.vectordb.zillizcloud.com",
    },
    "answers for a web page": {"CorsOrigin": "https://app.example"},
    "no access log": {"ApiAccessLogs": "false"},
    "access log with callers": {"ApiLogCallers": "true"},
    "firewall": {"EnableWaf": "true"},
    "domain": {"ApiDomainName": "rag.example.com", "ApiCertificateArn": "{certificate}"},
    "domain and its record": {
        "ApiDomainName": "rag.example.com",
        "ApiCertificateArn": "{certificate}",
        "ApiHostedZoneId": "{zone}",
    },
    "existing key": {"KmsKeyArn": "{key}"},
    "trail": {"CloudTrail": "true"},
    "trail, own key": {"CloudTrail": "true", "CreateKmsKey": "true"},
    "permissions boundary": {"PermissionsBoundaryArn": "{boundary}"},
    "secret rotation": {"SecretRotationFunctionArn": "{rotation}"},
    "secret rotation, milvus": {
        **_RERANKED,
        **_MILVUS,
        "Reranker": "cohere",
        "RerankBaseUrl": "https://api.cohere.com/v2",
        "SecretRotationFunctionArn": "{rotation}",
    },
    "reserved concurrency": {
        "QueryConcurrency": "5",
        "ApiConcurrency": "5",
        "BatchConcurrency": "5",
        "IngestionConcurrency": "5",
    },
    "canary": {"DeploymentPreference": "Canary10Percent5Minutes"},
    "linear": {"DeploymentPreference": "Linear10PercentEvery1Minute"},
    "alarms by mail": {"AlarmEmail": "someone@example.com", "EveryAlarm": "true"},
    "alarms to a topic": {"AlarmTopicArn": "{topic}"},
    "no dashboard": {"Dashboard": "false"},
}


def combinations() -> Iterator[Combination]:
    """Yield every combination to be rehearsed, names unique."""
    for names in product(*_AXES):
        chosen = [axis[name] for axis, name in zip(_AXES, names, strict=True)]
        yield Combination(" ".join(names), {key: value for part in chosen for key, value in part.items()})
    for name, parameters in _ALONE.items():
        yield Combination(name, {**_PINECONE, **parameters})
