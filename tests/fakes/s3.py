"""A real S3 server, moto's, in a process of its own: with a bucket, one user who may use it, and signatures checked. It
can be killed and started again on its port; what it held, and its user, are then gone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from urllib.error import URLError

import boto3

from agent.config import Settings

BUCKET = "recordings"
MAY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class S3Server:
    """Started when made."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.key = self.secret = ""
        self.start()

    def start(self, *, checked: bool = True) -> None:
        """Until it checks signatures; without `checked` it takes any, also of a user whom a kill has made it forget."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._make_ready(checked=checked)
        except BaseException:
            self.kill()
            raise

    def _make_ready(self, *, checked: bool) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self._authorise_after(b"inf")
                break
            except (URLError, ConnectionError):
                assert self._process.poll() is None, "moto's server did not start"
                assert time.monotonic() < deadline, "moto's server does not answer"
                time.sleep(0.05)
        everybody = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=self.endpoint, **everybody).create_bucket(Bucket=BUCKET)
        if not checked:
            return
        iam = boto3.client("iam", endpoint_url=self.endpoint, **everybody)
        iam.create_user(UserName="agent")
        iam.put_user_policy(UserName="agent", PolicyName="all", PolicyDocument=json.dumps(MAY))
        made = iam.create_access_key(UserName="agent")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        self._authorise_after(b"0")  # from here on every request has to be signed by somebody who may

    def settings(self, **changes: object) -> Settings:
        fields = {
            "S3_BUCKET": BUCKET,
            "S3_REGION": "us-east-1",
            "S3_ENDPOINT": self.endpoint,
            "S3_ACCESS_KEY": self.key,
            "S3_SECRET_KEY": self.secret,
        }
        return Settings(_env_file=None, **(fields | changes))

    def empty(self) -> None:
        """Without objects again."""
        user = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret, "region_name": "us-east-1"}
        bucket = boto3.resource("s3", endpoint_url=self.endpoint, **user).Bucket(BUCKET)
        bucket.objects.all().delete()

    def objects(self) -> dict[str, bytes]:
        """Everything in the bucket."""
        user = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret, "region_name": "us-east-1"}
        bucket = boto3.resource("s3", endpoint_url=self.endpoint, **user).Bucket(BUCKET)
        return {each.key: each.get()["Body"].read() for each in bucket.objects.all()}

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _authorise_after(self, requests: bytes) -> None:
        """So many requests are let through as they are."""
        kind = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", requests, kind)  # noqa: S310
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  our own
            answer.read()
