"""May the cluster read these objects with this role? Asked of the AWS API, as Redshift finds out.

IAM's rules as far as COPY meets them: the role's trust, its inline and attached policies, its permissions boundary,
Allow and Deny, wildcards, and conditions on the prefix that is listed. A condition that is not understood grants
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from dwh.local.redshift.aws import Aws, Policy, Role
from dwh.local.redshift.copy import errors
from dwh.local.redshift.copy.objects import NO_BUCKET, split_url
from dwh.local.redshift.errors import RedshiftError, not_supported

if TYPE_CHECKING:
    from dwh.local.redshift.backend import Connection
    from dwh.local.redshift.copy.grammar import Copy

SERVICE = "redshift.amazonaws.com"
WRONG_REGION = (
    "S3ServiceException:The bucket you are attempting to access must be addressed using the specified endpoint. "
    "Please send all future requests to this endpoint.,Status 301,Error PermanentRedirect"
)
DENIED = "S3ServiceException:Access Denied,Status 403,Error AccessDenied"
# In front of the name of a login that GetClusterCredentials lends.
LENT = re.compile("IAMA?:")
Statement = dict[str, Any]
# What a role's policies say, and what its boundary says if it has one: each must allow what is done.
Says = list[list[Statement]]


@dataclass
class Reads:
    """What a role may read, and from which region the bucket must come."""

    aws: Aws
    says: Says
    region: str
    query: int
    _regions: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _on_get(self) -> Says:
        return [covering(statements, "s3:GetObject", {}) for statements in self.says]

    def check(self, url: str) -> None:
        """May this object be read?

        Raises:
            RedshiftError: no, or its bucket is in another region than COPY says.
        """
        bucket, key = split_url(url)
        self._check_region(bucket)
        if not _all_allow(self._on_get, f"arn:aws:s3:::{bucket}/{key}"):
            raise errors.s3(DENIED, self.query, hint=f"the role may not read {url}")

    def check_list(self, bucket: str, prefix: str) -> None:
        """May the objects under this prefix be listed?

        Raises:
            RedshiftError: no, or the bucket is in another region than COPY says.
        """
        self._check_region(bucket)
        if not self._may_list(bucket, prefix):
            hint = f"the role may not list s3://{bucket}/{prefix}"
            other = prefix.removesuffix("/") if prefix.endswith("/") else f"{prefix}/"
            if self._may_list(bucket, other):
                hint += f", only s3://{bucket}/{other}: mind the slash at its end"
            raise errors.s3(DENIED, self.query, hint=hint)

    def _may_list(self, bucket: str, prefix: str) -> bool:
        on_list = [covering(statements, "s3:ListBucket", {"s3:prefix": prefix}) for statements in self.says]
        return _all_allow(on_list, f"arn:aws:s3:::{bucket}")

    def _check_region(self, bucket: str) -> None:
        if bucket not in self._regions:
            try:
                self._regions[bucket] = self.aws.bucket_region(bucket)
            except LookupError:
                raise errors.s3(NO_BUCKET, self.query) from None
        if self._regions[bucket] != self.region:
            raise errors.s3(WRONG_REGION, self.query)


def authorize(session: Connection, copy: Copy, query: int) -> Reads:
    """Assume the role of a COPY, on behalf of the user who is logged in.

    Raises:
        RedshiftError: the role is not attached to the cluster, is not there, or does not trust Redshift; all
            three read the same on Redshift.
    """
    try:
        roles = session.aws.roles()
    except LookupError:
        raise RedshiftError("the cluster is not there any more", "08006") from None
    arn = copy.role if copy.role != "default" else roles.default
    if "," in arn:
        raise not_supported("a chain of roles", "name one role in IAM_ROLE")
    if not arn:
        raise RedshiftError("The cluster has no default IAM role")
    callers = _callers(session.info.user, f"arn:aws:redshift:{roles.region}:{arn.split(':')[4]}:dbuser:{roles.cluster}")
    role = session.aws.role(arn) if arn in roles.attached else None
    trust = _statements(role.trust) if role else []
    if role is None or not any(_trusts(statement, caller) for statement in trust for caller in callers):
        raise errors.s3(f"User {callers[0]} is not authorized to assume IAM Role {arn}", query)
    return Reads(session.aws, _says(role), copy.region or roles.region, query)


def _callers(login: str, users: str) -> list[str]:
    """The ids that Redshift may send for a login: that the IAM: of a lent one is part of it is documented nowhere."""
    return [f"{users}/{user}" for user in dict.fromkeys((login, LENT.sub("", login, count=1)))]


def _says(role: Role) -> Says:
    """What the role may do: what its policies say, and what its boundary says if it has one."""
    says = [[statement for policy in role.policies for statement in _statements(policy)]]
    return [*says, _statements(role.boundary)] if role.boundary else says


def _statements(document: Policy) -> list[Statement]:
    return _listed(document["Statement"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _trusts(statement: Statement, caller: str) -> bool:
    """Does a trust policy let Redshift take the role for this user, whose ARN it gives as the external id?"""
    services = [str(name) for name in _listed(statement.get("Principal", {}).get("Service", []))]
    return (
        statement.get("Effect") == "Allow"
        and any(name == SERVICE or re.fullmatch(r"redshift\.[a-z0-9-]+\.amazonaws\.com", name) for name in services)
        and any(_matches(action, "sts:AssumeRole", fold=True) for action in _listed(statement.get("Action", [])))
        and all(_conditions(statement, {"sts:externalid": caller}))
    )


def covering(policies: list[Statement], action: str, context: dict[str, str]) -> list[Statement]:
    """The statements that speak of an action, and whose conditions are met.

    A Deny whose condition is not understood counts as met, an Allow as not met.
    """
    return [
        statement
        for statement in policies
        if any(_matches(pattern, action, fold=True) for pattern in _listed(statement.get("Action", [])))
        and _met(statement, context)
    ]


def _all_allow(says: Says, resource: str) -> bool:
    return all(allowed(statements, resource) for statements in says)


def allowed(statements: list[Statement], resource: str) -> bool:
    """IAM's decision on a resource, by the statements that cover the action: some allows it, and none denies it."""
    effects = {
        statement["Effect"]
        for statement in statements
        if any(_matches(pattern, resource) for pattern in _listed(statement.get("Resource", [])))
    }
    return "Allow" in effects and "Deny" not in effects


def _met(statement: Statement, context: dict[str, str]) -> bool:
    met = _conditions(statement, context)
    if None in met:
        return bool(statement["Effect"] == "Deny")
    return all(met)


def _conditions(statement: Statement, context: dict[str, str]) -> list[bool | None]:
    return [
        _condition(operator, key.lower(), values, context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]


def _condition(operator: str, key: str, values: Any, context: dict[str, str]) -> bool | None:
    """Whether a condition is met; None for one that is not understood."""
    name = operator.removesuffix("IfExists")
    if key not in ("s3:prefix", "sts:externalid") or not re.fullmatch("String(Not)?(Equals|Like)", name):
        return None
    if key not in context:
        return name != operator
    value, patterns = context[key], [str(pattern) for pattern in _listed(values)]
    found = value in patterns or (name.endswith("Like") and any(_matches(pattern, value) for pattern in patterns))
    return not found if "Not" in name else found


def _matches(pattern: str, value: str, *, fold: bool = False) -> bool:
    if fold:
        pattern, value = pattern.lower(), value.lower()
    return bool(_compiled(pattern).fullmatch(value))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of IAM: * and ? are wild, nothing else is."""
    return re.compile(translate(pattern.replace("[", "[[]")), re.DOTALL)
