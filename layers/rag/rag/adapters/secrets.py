"""Secrets Manager adapter for the Credential port, through Powertools Parameters, which caches."""

from functools import cache
from typing import Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rag.errors import SecretUnavailable, UpstreamThrottled, UpstreamUnavailable

MAX_AGE_SECONDS: Final = 300  # a rotated key is in use after this long at the latest, or after one refusal

_THROTTLED: Final = {"ThrottlingException", "TooManyRequestsException", "LimitExceededException"}
_REPAIR: Final = (
    "Store the key as a plain string: aws secretsmanager put-secret-value --secret-id {name} --secret-string KEY"
)


class Secret:
    """A secret's value, read when it is asked for: keys rotate, and no copy outlives `MAX_AGE_SECONDS`."""

    def __init__(self, name: str, provider: SecretsProvider | None = None) -> None:
        self._name = name
        self._provider = provider

    def __call__(self, *, fresh: bool = False) -> str:
        """Return the secret without white space around it; `fresh` reads past the cache.

        Raises:
            SecretUnavailable: it is missing, empty, binary or no plain key. The message names the secret.
            UpstreamThrottled, UpstreamUnavailable: Secrets Manager could not answer just now.
        """
        provider = self._provider or _provider()
        try:
            value = provider.get(self._name, max_age=MAX_AGE_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            raise self._translated(error.__context__) from None
        return self._checked(value)

    def _checked(self, value: object) -> str:
        repair = _REPAIR.format(name=self._name)
        if not isinstance(value, str):
            raise SecretUnavailable(f"The secret {self._name} is binary, not plain text. {repair}")
        if not value.strip():
            raise SecretUnavailable(f"The secret {self._name} is empty. {repair}")
        key = value.strip()
        if not key.isascii() or not key.isprintable() or " " in key or key.startswith(("{", '"')):
            raise SecretUnavailable(f"The secret {self._name} is not a plain key. {repair}")
        return key

    def _translated(self, cause: BaseException | None) -> UpstreamThrottled | UpstreamUnavailable | SecretUnavailable:
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
        if code in _THROTTLED:
            return UpstreamThrottled("Secrets Manager asked for fewer requests.")
        if code == "ResourceNotFoundException":
            return SecretUnavailable(f"The secret {self._name} has no value. {_REPAIR.format(name=self._name)}")
        if isinstance(cause, ClientError) and cause.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            return SecretUnavailable(f"The secret {self._name} cannot be read ({code}): check its name and the role.")
        if isinstance(cause, ClientError | BotoCoreError):
            return UpstreamUnavailable("Secrets Manager could not be reached.")
        # Neither a refusal nor a broken connection is left, only an answer that holds no secret: a proxy's, perhaps.
        return UpstreamUnavailable("Secrets Manager did not answer in the form of its API.")


@cache
def _provider() -> SecretsProvider:
    once = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})  # the state machine retries
    return SecretsProvider(boto_config=once)
