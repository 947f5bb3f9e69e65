"""Who can reach the cluster, and how the cluster reaches S3."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any, NoReturn

from dwh.aws.endpoints import is_amazon
from dwh.aws.errors import AGAIN
from dwh.commands import CREATE
from dwh.errors import AwsError
from dwh.provision.patience import NotThereYet
from dwh.provision.plan import Change
from dwh.provision.site import Site

HTTPS = 443


def permission(port: int, **source: str) -> dict[str, Any]:
    """One TCP rule of a security group.

    Args:
        port: the port.
        source: one of ``cidr``, ``group`` (id of a security group) or ``prefix_list`` (id of one).
    """
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    ((kind, value),) = source.items()
    if kind == "group":
        rule["UserIdGroupPairs"] = [{"GroupId": value}]
    elif kind == "prefix_list":
        rule["PrefixListIds"] = [{"PrefixListId": value}]
    elif ":" in value:
        rule["Ipv6Ranges"] = [{"CidrIpv6": value}]
    else:
        rule["IpRanges"] = [{"CidrIp": value}]
    return rule


def single_rules(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules as EC2 lists them, taken apart into rules with one source each."""
    kinds = {
        "IpRanges": "CidrIp",
        "Ipv6Ranges": "CidrIpv6",
        "UserIdGroupPairs": "GroupId",
        "PrefixListIds": "PrefixListId",
    }
    singles = []
    for entry in permissions:
        ports = {key: entry[key] for key in ("IpProtocol", "FromPort", "ToPort") if entry.get(key) is not None}
        for kind, name in kinds.items():
            singles += [{**ports, kind: [{name: source[name]}]} for source in entry.get(kind, [])]
    return singles


def wanted_ingress(site: Site, group: str) -> list[dict[str, Any]]:
    """The one way in: an address range, or in a private network the members of the group itself."""
    access, port = site.settings.access, site.settings.db_port
    if access == "private":
        return [permission(port, group=group)]
    return [permission(port, cidr=_caller(site) if access == "my-ip" else access)]


def _caller(site: Site) -> str:
    address = ipaddress.ip_address(site.target.caller_ip())
    return f"{address}/{address.max_prefixlen}"


def wanted_egress(site: Site) -> list[dict[str, Any]]:
    """HTTPS to S3 when COPY goes through the VPC; otherwise nothing leaves by this group."""
    return [permission(HTTPS, prefix_list=site.once(s3_addresses))] if site.same_region else []


def s3_addresses(site: Site) -> str:
    """The id of AWS's list of S3's addresses in the region."""
    name = f"com.amazonaws.{site.region}.s3"
    answer = site.client("ec2").describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [name]}])
    return next(str(found["PrefixListId"]) for found in answer["PrefixLists"] if found["PrefixListName"] == name)


def default_vpc(site: Site) -> str:
    """The id of the region's default VPC.

    Raises:
        AwsError: there is none.
    """
    vpcs = site.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise AwsError(
            f"there is no default VPC in {site.region}",
            hint="as an administrator: aws ec2 create-default-vpc; or choose another region in dwh.cfg",
        )
    return str(vpcs[0]["VpcId"])


def subnets(site: Site) -> list[str]:
    """The default subnets of the VPC, in two availability zones or more (three for multi_az) that offer the node type.

    Raises:
        AwsError: there are too few.
    """
    wanted = 3 if site.settings.multi_az else 2
    filters = [
        {"Name": "vpc-id", "Values": [site.once(default_vpc)]},
        {"Name": "default-for-az", "Values": ["true"]},
    ]
    found = site.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    if len({subnet["AvailabilityZone"] for subnet in found}) < wanted:
        raise AwsError(
            f"the default VPC in {site.region} has default subnets in fewer than {wanted} availability zones",
            hint="as an administrator: aws ec2 create-default-subnet --availability-zone ZONE, once per zone",
        )
    offering = site.once(offering_zones)
    fit = [subnet for subnet in found if offering is None or subnet["AvailabilityZone"] in offering]
    if len({subnet["AvailabilityZone"] for subnet in fit}) < wanted:
        raise AwsError(
            f"{site.settings.node_type} is offered in fewer than {wanted} of the zones of the default subnets",
            hint="choose another node_type or region in dwh.cfg",
            detail=f"offered in: {', '.join(sorted(offering or ())) or 'none'}",
        )
    return sorted(subnet["SubnetId"] for subnet in fit)


def offering_zones(site: Site) -> set[str] | None:
    """The availability zones in which clusters of the node type can be made; None where an emulator cannot say."""
    from botocore.parsers import ResponseParserError

    redshift = site.client("redshift")
    kind = "single-node" if site.settings.number_of_nodes == 1 else "multi-node"
    try:
        pages = redshift.get_paginator("describe_orderable_cluster_options").paginate(NodeType=site.settings.node_type)
        options = [option for page in pages for option in page["OrderableClusterOptions"]]
    except ResponseParserError:
        if is_amazon(redshift.meta.endpoint_url):
            raise
        return None
    return {zone["Name"] for option in options if option["ClusterType"] == kind for zone in option["AvailabilityZones"]}


def route_tables(site: Site) -> list[str]:
    """The route tables that the subnets use: their own, else the VPC's main one."""
    filters = [{"Name": "vpc-id", "Values": [site.once(default_vpc)]}]
    tables = site.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    ours = set(site.once(subnets))
    used, main, explicit = set(), set(), set()
    for table in tables:
        for association in table["Associations"]:
            if association.get("Main"):
                main.add(table["RouteTableId"])
            elif association.get("SubnetId") in ours:
                used.add(table["RouteTableId"])
                explicit.add(association["SubnetId"])
    return sorted(used | main if ours - explicit else used)


def plan_endpoint(site: Site) -> Change:
    """The S3 gateway endpoint: COPY stays inside AWS's network. It is free of charge.

    Its policy stays AWS's own, which allows everything: the endpoint serves every
    machine of the default VPC, and what the cluster may read is the role's affair.
    """
    kind, name = "S3 endpoint", f"com.amazonaws.{site.region}.s3"
    if not site.same_region:
        return Change(kind, name, "unchanged", f"not needed: the bucket is in {site.settings.s3_region}")
    ec2, vpc = site.client("ec2"), site.once(default_vpc)
    gateways = _gateways(site, vpc, name)
    covered = {table for endpoint in gateways for table in endpoint["RouteTableIds"]}
    missing = [table for table in site.once(route_tables) if table not in covered]
    mine = [endpoint for endpoint in gateways if site.owns(endpoint.get("Tags"))]
    if not missing:
        return Change(kind, name, "unchanged" if mine else "exists", "" if mine else "not ours, left as it is")

    def create() -> None:
        ec2.create_vpc_endpoint(
            VpcEndpointType="Gateway",
            VpcId=vpc,
            ServiceName=name,
            RouteTableIds=missing,
            # botocore sends a call whose answer was lost once more: with the same token it makes no second endpoint.
            ClientToken=str(uuid.uuid4()),
            TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": site.tag_list}],
        )

    return Change(kind, name, "created", "COPY stays inside AWS's network; free", create)


def _gateways(site: Site, vpc: str, service: str) -> list[dict[str, Any]]:
    filters = [
        {"Name": "vpc-id", "Values": [vpc]},
        {"Name": "service-name", "Values": [service]},
        {"Name": "vpc-endpoint-type", "Values": ["Gateway"]},
    ]
    endpoints = site.client("ec2").describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
    return [endpoint for endpoint in endpoints if _stays(endpoint)]


def _stays(endpoint: dict[str, Any]) -> bool:
    # The model of EC2's API has these states with a capital letter, its answers without.
    return endpoint["State"].lower() not in ("deleting", "deleted")


def our_endpoints(site: Site) -> list[str]:
    """The ids of the gateway endpoints that carry our tags."""
    endpoints = site.client("ec2").describe_vpc_endpoints(Filters=site.tag_filters)["VpcEndpoints"]
    return [endpoint["VpcEndpointId"] for endpoint in endpoints if _stays(endpoint)]


def remove_endpoints(site: Site) -> None:
    """Delete our gateway endpoints.

    Raises:
        AwsError: EC2 refused; it says so in an answer that is not an error.
    """
    endpoints = our_endpoints(site)
    failed = site.client("ec2").delete_vpc_endpoints(VpcEndpointIds=endpoints).get("Unsuccessful", [])
    if failed:
        raise AwsError(f"the endpoint {failed[0]['ResourceId']} stays: {failed[0]['Error']['Message']}", hint=AGAIN)


def find_group(site: Site) -> dict[str, Any] | None:
    """The security group with our name in the default VPC, or None.

    Raises:
        NotOursError: the name is taken by a group that is not ours.
    """
    filters = [
        {"Name": "group-name", "Values": [site.name]},
        {"Name": "vpc-id", "Values": [site.once(default_vpc)]},
    ]
    groups = site.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    if not groups:
        return None
    site.adopt("security group", site.name, groups[0].get("Tags"), "cluster_identifier")
    group: dict[str, Any] = groups[0]
    return group


def plan_group(site: Site) -> Change:
    """The security group, a new one: the VPC's default group is never touched."""
    if find_group(site) is not None:
        return Change("Security group", site.name, "unchanged")

    def create() -> None:
        site.client("ec2").create_security_group(
            GroupName=site.name,
            Description=f"Who may reach the cluster {site.name}",
            VpcId=site.once(default_vpc),
            TagSpecifications=[{"ResourceType": "security-group", "Tags": site.tag_list}],
        )

    return Change("Security group", site.name, "created", apply=create)


def plan_rules(site: Site) -> Change:
    """The rules of the group: one way in, and out only to S3."""
    group = find_group(site)
    ingress, egress = wanted_ingress(site, group["GroupId"] if group else "itself"), wanted_egress(site)
    note = _ingress_note(site, ingress[0])
    if group is None:
        return Change("Group rules", site.name, "created", note, lambda: _no_group(site))
    ways = [
        ("ingress", ingress, single_rules(group["IpPermissions"])),
        ("egress", egress, single_rules(group["IpPermissionsEgress"])),
    ]
    if all(_sorted(wanted) == _sorted(found) for _, wanted, found in ways):
        return Change("Group rules", site.name, "unchanged", note)

    def update() -> None:
        for way, wanted, found in ways:
            _call(site, f"authorize_security_group_{way}", group, [rule for rule in wanted if rule not in found])
            _call(site, f"revoke_security_group_{way}", group, [rule for rule in found if rule not in wanted])

    return Change("Group rules", site.name, "updated", note, update)


def _no_group(site: Site) -> NoReturn:
    raise NotThereYet(f"the security group {site.name} is not there", hint=CREATE)


def _ingress_note(site: Site, rule: dict[str, Any]) -> str:
    ranges = rule.get("IpRanges") or rule.get("Ipv6Ranges")
    source = next(iter(ranges[0].values())) if ranges else "members of this group"
    return f"tcp {site.settings.db_port} from {source} only"


def _sorted(rules: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(rule.items())) for rule in rules)


def _call(site: Site, name: str, group: dict[str, Any], rules: list[dict[str, Any]]) -> None:
    if rules:
        getattr(site.client("ec2"), name)(GroupId=group["GroupId"], IpPermissions=rules)


def our_groups(site: Site) -> list[str]:
    """The ids of the security groups that carry our tags."""
    groups = site.client("ec2").describe_security_groups(Filters=site.tag_filters)["SecurityGroups"]
    return [group["GroupId"] for group in groups]


def remove_groups(site: Site) -> None:
    """Delete our security groups."""
    for group in our_groups(site):
        site.client("ec2").delete_security_group(GroupId=group)
