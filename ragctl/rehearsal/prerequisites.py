"""What an account has before the stack is made, where a parameter names it."""

import json
from collections.abc import Callable, Mapping
from string import Formatter

from ragctl.local.account import ACCOUNT_ID
from ragctl.rehearsal.lookups import client


def filled(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters with what stands in braces made, and named by its id or ARN."""
    made: dict[str, str] = {}
    for value in parameters.values():
        for _, name, *_ in Formatter().parse(value):
            if name and name not in made:
                made[name] = _MAKERS[name]()
    return {key: value.format(**made) for key, value in parameters.items()}


def _vpc() -> str:
    vpcs = client("ec2").describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"]
    vpc_id: str = vpcs[0]["VpcId"]
    return vpc_id


def _subnets() -> str:
    subnets = client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [_vpc()]}])["Subnets"]
    return ",".join(subnet["SubnetId"] for subnet in subnets[:2])


def _route_tables() -> str:
    tables = client("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [_vpc()]}])["RouteTables"]
    return ",".join(table["RouteTableId"] for table in tables)


def _key() -> str:
    arn: str = client("kms").create_key()["KeyMetadata"]["Arn"]
    return arn


def _boundary() -> str:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    made = client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))
    arn: str = made["Policy"]["Arn"]
    return arn


def _topic() -> str:
    arn: str = client("sns").create_topic(Name="operators")["TopicArn"]
    return arn


def _user_pool() -> str:
    pool_id: str = client("cognito-idp").create_user_pool(PoolName="people")["UserPool"]["Id"]
    return pool_id


def _zone() -> str:
    from moto.route53.models import route53_backends

    client("route53").create_hosted_zone(Name="example.com", CallerReference="rehearsal")
    zones = route53_backends[ACCOUNT_ID]["aws"].zones
    (zone,) = [zones.pop(zone_id) for zone_id in list(zones)]
    zone.resource_id = f"Z{zone.resource_id}"  # as in AWS, which the template's parameter insists on
    zones[zone.resource_id] = zone
    return str(zone.resource_id)


def _certificate() -> str:
    arn: str = client("acm").request_certificate(DomainName="rag.example.com")["CertificateArn"]
    return arn


def _rotation() -> str:
    assumed = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [assumed]})
    role = client("iam").create_role(RoleName="rotation", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    code = {"S3Bucket": "code", "S3Key": "rotation.zip"}
    function = {"FunctionName": "rotate", "Runtime": "python3.13", "Handler": "app.handler", "Code": code}
    arn: str = client("lambda").create_function(**function, Role=role)["FunctionArn"]
    return arn


_MAKERS: Mapping[str, Callable[[], str]] = {
    "boundary": _boundary,
    "certificate": _certificate,
    "key": _key,
    "rotation": _rotation,
    "route_tables": _route_tables,
    "subnets": _subnets,
    "topic": _topic,
    "user_pool": _user_pool,
    "vpc": _vpc,
    "zone": _zone,
}
