"""
Signatures are those Apache's own clients made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.wire.vectors import records
from txrocketmq._wire.codes import SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.acl import SigningHook, signature
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.interfaces import IRPCHook
from txrocketmq.settings import SessionCredentials

CREDENTIALS = SessionCredentials("ak", "sk12345678")


def signedRequests() -> Iterator[tuple[str, str, RemotingCommand]]:
    """
    Find the signed requests among the captured frames.

    @return: Where each comes from, the secret, and the request.
    """
    secret = ""
    for record in records():
        if "inputs" in record:
            secret = record["inputs"].get("config", {}).get("secretKey", "")
        fields = record.get("frame", {}).get("extFields") or {}
        if "Signature" in fields and "bodySha256" not in record:
            where = f"{record['client']} {record['scenario']} {record['seq']}"
            yield where, secret, commandOf(record)


def commandOf(record: dict[str, Any]) -> RemotingCommand:
    """
    Make the request of a captured frame.
    """
    frame = record["frame"]
    body = bytes.fromhex(record.get("bodyHex", ""))
    form = SerializeType[frame["serializeType"]]
    return RemotingCommand(frame["code"], frame["extFields"], body, serializeType=form)


def signed(
    extFields: dict[str, str],
    body: bytes = b"",
    credentials: Any = CREDENTIALS,
    serializeType: SerializeType = SerializeType.JSON,
) -> dict[str, str]:
    """
    Sign a request, and give what is sent of its fields.
    """
    command = RemotingCommand(310, extFields, body, serializeType=serializeType)
    return SigningHook(credentials).beforeRequest("127.0.0.1:1", command).extFields


class VectorTests(SynchronousTestCase):
    """
    The signature is the one the protocol asks for.
    """

    def test_mac(self) -> None:
        """
        It is the HMAC of Java's own unit test.
        """
        self.assertEqual(
            signature({"any": "RocketMQ"}, b"", "12345678"),
            "IUc8rrO/0gDch8CjObLQsW2rsiA=",
        )

    def test_content(self) -> None:
        """
        Values are joined in the order of their names, capitals first, then the body.
        """
        properties = "WAIT\x01true\x02UNIQ_KEY\x017F00000112340A0B0C0D00ABCDEF0001\x02"
        fields = {
            "AccessKey": "ak",
            "a": "pg",
            "b": "T",
            "c": "TBW102",
            "d": "4",
            "e": "0",
            "f": "0",
            "g": "1700000000000",
            "h": "0",
            "i": properties,
            "j": "0",
            "k": "false",
            "m": "false",
            "n": "broker-a",
        }
        result = signed(fields, b"hello")
        self.assertEqual(result["Signature"], "go9XPWW8Gr8KlEGuEDJqImLIyl8=")
        self.assertEqual(result["AccessKey"], "ak")

    def test_capturedRequests(self) -> None:
        """
        What Java's and Go's clients signed, we sign in the same way.
        """
        count = 0
        for where, secret, command in signedRequests():
            fields = dict(command.extFields)
            expected = fields.pop("Signature")
            self.assertEqual(signature(fields, command.body, secret), expected, where)
            count += 1
        self.assertGreater(count, 50)

    def test_utf16Order(self) -> None:
        """
        Names are compared as Java compares them: U+10000 is before U+FFFF.
        """
        self.assertEqual(
            signature({"\uffff": "b", "\U00010000": "a"}, b"", "k"),
            signature({"any": "ab"}, b"", "k"),
        )


class SigningTests(SynchronousTestCase):
    """
    The hook signs what is written.
    """

    def test_interface(self) -> None:
        """
        It is a hook.
        """
        verifyObject(IRPCHook, SigningHook(CREDENTIALS))

    def test_restStays(self) -> None:
        """
        Nothing else of a request changes, and the request itself never.
        """
        command = RemotingCommand(34, {"a": "b"}, b"body", opaque=7, flag=2)
        result = SigningHook(CREDENTIALS).beforeRequest("x:1", command)
        self.assertEqual(command.extFields, {"a": "b"})
        self.assertEqual(
            (result.code, result.body, result.opaque, result.flag), (34, b"body", 7, 2)
        )
        self.assertEqual(set(result.extFields), {"a", "AccessKey", "Signature"})

    def test_securityToken(self) -> None:
        """
        A token of temporary credentials is sent, and signed.
        """
        result = signed({"a": "b"}, credentials=SessionCredentials("ak", "sk", "token"))
        self.assertEqual(result.pop("SecurityToken"), "token")
        expected = signature(
            {"AccessKey": "ak", "SecurityToken": "token", "a": "b"}, b"", "sk"
        )
        self.assertEqual(result["Signature"], expected)

    def test_signingAgain(self) -> None:
        """
        A request that was signed before, under other credentials, is signed as if
        it had not been.
        """
        once = signed({"a": "b"}, credentials=SessionCredentials("old", "x", "token"))
        self.assertEqual(signed(once), signed({"a": "b"}))

    def test_emptyValues(self) -> None:
        """
        An empty value stays in a JSON header; a broker would read it as "null" in
        a binary one, and it is left out there.
        """
        fields = {"attributes": "", "topic": "T"}
        self.assertIn("attributes", signed(fields))
        binary = signed(fields, serializeType=SerializeType.ROCKETMQ)
        self.assertNotIn("attributes", binary)
        self.assertEqual(binary, signed({"topic": "T"}))

    def test_answers(self) -> None:
        """
        Answers are none of its business.
        """
        command = RemotingCommand(0)
        SigningHook(CREDENTIALS).afterResponse("x:1", command, command)


class CredentialsTests(SynchronousTestCase):
    """
    Credentials may change while a client runs.
    """

    def test_askedForEachRequest(self) -> None:
        """
        A callable is asked each time.
        """
        given = iter([SessionCredentials("one", "1"), SessionCredentials("two", "2")])
        hook = SigningHook(lambda: next(given))
        keys = [
            hook.beforeRequest("x:1", RemotingCommand(34)).extFields["AccessKey"]
            for _ in range(2)
        ]
        self.assertEqual(keys, ["one", "two"])

    def test_itsErrorFailsTheRequest(self) -> None:
        """
        What the callable raises is what the request fails with.
        """

        def broken() -> SessionCredentials:
            raise KeyError("vault")

        self.assertRaises(KeyError, signed, {}, credentials=broken)

    def test_noCredentials(self) -> None:
        """
        Anything else it gives is refused by type, without showing it.
        """
        error = self.assertRaises(
            InvalidConfiguration, signed, {}, credentials=lambda: "hunter2"
        )
        self.assertIn("not a str", str(error))
        self.assertNotIn("hunter2", str(error))

    def test_secretStaysInside(self) -> None:
        """
        No form of the hook shows the secret.
        """
        self.assertNotIn("sk12345678", repr(SigningHook(CREDENTIALS)))
