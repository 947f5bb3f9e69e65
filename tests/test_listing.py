"""A page of S3's listing is taken apart by the project itself: into what botocore makes of it."""

from __future__ import annotations

import io

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from dwh.clients import list_quickly

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
OBJECT = (
    "<Contents><Key>a%20%C3%A9%26%3C%2Bb.json</Key><LastModified>2018-11-01T20:57:10.796Z</LastModified>"
    "<ETag>&quot;0f&quot;</ETag><Size>12</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
FOLDER = "<CommonPrefixes><Prefix>log_data%20/</Prefix></CommonPrefixes>"
HEAD = "<Name>b</Name><Prefix></Prefix><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
PAGES = {
    "two objects": f"<ListBucketResult {NAMESPACE}>{HEAD}{OBJECT}{OBJECT}</ListBucketResult>",
    "a folder": f"<ListBucketResult {NAMESPACE}>{HEAD}{OBJECT}{FOLDER}</ListBucketResult>",
    "nothing": f"<ListBucketResult {NAMESPACE}>{HEAD}</ListBucketResult>",
    "no namespace": f"<ListBucketResult>{HEAD}{OBJECT}</ListBucketResult>",
}
SAID = ("Contents", "CommonPrefixes", "IsTruncated", "Name")


class Body(io.BytesIO):
    def stream(self):
        yield self.read()


def listed(page, quickly):
    """What a client says of a page; nothing goes over the net."""
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-west-2")
    if quickly:
        list_quickly(session)
    client = session.client("s3")
    client.meta.events.register(
        "before-send.s3.ListObjectsV2", lambda request, **_: AWSResponse(request.url, 200, {}, Body(page.encode()))
    )
    client.meta.events.register_first("needs-retry", lambda **_: False)
    return client.list_objects_v2(Bucket="b")


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_says_what_botocore_reads_in_it(page):
    ours, theirs = listed(page, True), listed(page, False)
    for found in theirs.get("Contents", []):
        found.pop("StorageClass")
    assert {key: ours[key] for key in SAID if key in ours} == {key: theirs[key] for key in SAID if key in theirs}


@pytest.mark.parametrize("page", ["<Error><Code>SlowDown</Code></Error>", PAGES["two objects"][:-30]])
def test_what_is_no_page_is_an_error_as_it_was(page):
    with pytest.raises(ClientError) as ours:
        listed(page, True)
    with pytest.raises(ClientError) as theirs:
        listed(page, False)
    assert ours.value.response["Error"] == theirs.value.response["Error"]
