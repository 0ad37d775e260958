"""An agent that buys a room through its wallet, with stock gRPC packages and the `.proto` files alone.

    python3 client.py SOCKET PROTO_FOLDER

Where a real agent calls a merchant over HTTP, this one writes a line with its mandate to stdout and reads the
merchant's token from stdin, so that a test can play the merchant (crates/mandated/tests/stock).
"""

import hashlib
import importlib
import sys
import tempfile
from datetime import timedelta
from importlib.resources import files
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status
from grpc_tools import protoc

TIMEOUT_S = 10
# gRPC's C core (also under C++, Ruby, PHP) would send the socket's path as the HTTP/2 `:authority`, percent-encoded.
# That is no authority by RFC 3986, and the wallet's HTTP/2 library refuses it: PROTOCOL_ERROR (grpc/grpc#38142).
CHANNEL_OPTIONS = [("grpc.default_authority", "localhost")]
WALLET_PROTO = "mandate/v1/wallet.proto"
WALLET_SERVICE = "mandate.v1.Wallet"


def generate(protos: str) -> tuple[Any, Any]:
    """Compiles wallet.proto; gives the modules of its messages and of its stubs."""
    with tempfile.TemporaryDirectory() as out:
        well_known = files("grpc_tools") / "_proto"
        options = [f"-I{protos}", f"-I{well_known}", f"--python_out={out}", f"--grpc_python_out={out}"]
        if protoc.main(["protoc", *options, WALLET_PROTO]) != 0:
            raise SystemExit(f"{WALLET_PROTO} does not compile")
        sys.path.insert(0, out)
        try:
            module = WALLET_PROTO.removesuffix(".proto").replace("/", ".")
            return importlib.import_module(f"{module}_pb2"), importlib.import_module(f"{module}_pb2_grpc")
        finally:
            sys.path.remove(out)


class Denied(Exception):
    """The wallet said no: a stable reason and metadata to act on, and how long to wait if waiting helps."""

    def __init__(self, error: grpc.RpcError) -> None:
        status = rpc_status.from_call(error)  # grpc-status-details-bin
        if status is None:
            raise error  # not the wallet's word: the transport failed
        info, retry = ErrorInfo(), RetryInfo()
        # Unpack tells whether a detail is of that type.
        if not any(detail.Unpack(info) for detail in status.details) or info.domain != "mandate":
            raise error
        waits = any(detail.Unpack(retry) for detail in status.details)
        self.code: grpc.StatusCode = error.code()
        self.reason = info.reason
        self.metadata = dict(info.metadata)
        self.retry_after: timedelta | None = retry.retry_delay.ToTimedelta() if waits else None
        super().__init__(f"{info.reason}: {error.details()}")


class Agent:
    """The wallet as an agent uses it."""

    def __init__(self, channel: grpc.Channel, messages: Any, stubs: Any) -> None:
        self.pb = messages
        self.stub = stubs.WalletStub(channel)

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise Denied(error) from error

    def euros(self, cents: int) -> Any:
        return self.pb.Money(currency="EUR", minor_units=cents)

    def intent(self, price_max: int, request: bytes, key: str) -> str:
        """May I book a room, with exactly this HTTP request? For the header Mandate-Intent."""
        ask = self.pb.MintIntentRequest(
            merchant_id="lux-hotels",
            action_sku="book_room",
            price_max=self.euros(price_max),
            request_sha256=request,
            purpose="a room for the conference",
            idempotency_key=key,
        )
        return self.call("MintIntent", ask).mandate

    def payment(self, cart: str) -> Any:
        """Pays the merchant's cart. `mandate` is for the header Mandate-Payment."""
        return self.call("MintPayment", self.pb.MintPaymentRequest(cart=cart))

    def receipt(self, receipt: str) -> str:
        """Hands in the header Mandate-Receipt: `executed`, or `void`, which gives the amount back."""
        return self.call("RecordReceipt", self.pb.RecordReceiptRequest(receipt=receipt)).status

    def budget(self) -> Any:
        """What is left under every cap that applies to this agent."""
        return self.call("GetBudget", self.pb.GetBudgetRequest()).caps


def request_digest(method: str, target: str, content_type: str, body: bytes) -> bytes:
    """Binds an intent to one exact HTTP request."""
    return hashlib.sha256(f"{method}\n{target}\n{content_type}\n".encode() + body).digest()


def tell(name: str, value: str) -> None:
    print(name, value, flush=True)


def ask_merchant(name: str, mandate: str) -> str:
    """Stands for the HTTP call: a mandate goes out in a header, the merchant's token comes back."""
    tell(name, mandate)
    return sys.stdin.readline().strip()


def check_standard_services(channel: grpc.Channel, messages: Any) -> None:
    """The wallet is healthy, and describes itself just as the `.proto` file does."""
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", WALLET_SERVICE):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=TIMEOUT_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, (service, answer)

    reflection = ProtoReflectionDescriptorDatabase(channel)
    assert {WALLET_SERVICE, "grpc.health.v1.Health"} <= set(reflection.get_services())
    served, compiled = FileDescriptorProto(), FileDescriptorProto()
    DescriptorPool(reflection).FindServiceByName(WALLET_SERVICE).file.CopyToProto(served)
    messages.DESCRIPTOR.CopyToProto(compiled)
    for field in (field for message in served.message_type for field in message.field):
        field.ClearField("json_name")  # generated code does without it
    assert served == compiled, "the daemon serves another API than the .proto file says"


def main(socket: str, protos: str) -> None:
    messages, stubs = generate(protos)
    with grpc.insecure_channel(f"unix:{socket}", CHANNEL_OPTIONS) as channel:
        check_standard_services(channel, messages)
        agent = Agent(channel, messages, stubs)
        principal = agent.call("GetPrincipal", messages.GetPrincipalRequest())
        tell("principal_id", principal.id)
        tell("principal_jwk", principal.jwk)

        call = request_digest("POST", "/bookings", "application/json", b'{"room":"sea view","nights":1}')
        cart = ask_merchant("intent", agent.intent(200_00, call, "booking-1"))
        payment = agent.payment(cart)
        assert payment.total == agent.euros(180_00), payment.total
        assert agent.payment(cart).mandate == payment.mandate, "a retry gives the same bytes"
        receipt = ask_merchant("payment", payment.mandate)
        assert agent.receipt(receipt) == "executed"

        [cap] = agent.budget()
        assert (cap.per, cap.count_limit, cap.count_used) == ("month", 3, 1), cap
        assert cap.limit == agent.euros(500_00), cap
        assert cap.spent == agent.euros(180_00), cap
        assert cap.remaining == agent.euros(320_00), cap
        assert cap.HasField("resets_at"), cap

        try:
            agent.intent(320_01, call, "booking-2")
        except Denied as denied:
            check_denial(denied)
        else:
            raise AssertionError("an intent above what is left was minted")


def check_denial(denied: Denied) -> None:
    assert denied.code == grpc.StatusCode.RESOURCE_EXHAUSTED, denied.code
    assert denied.reason == "CAP_EXCEEDED", denied
    told = {name: denied.metadata[name] for name in ("limit", "spent", "remaining", "retryable")}
    assert told == {
        "limit": "500.00 EUR",
        "spent": "180.00 EUR",
        "remaining": "320.00 EUR",
        "retryable": "true",
    }, denied.metadata
    assert denied.retry_after is not None and denied.retry_after > timedelta(0)
    tell("denied", str(denied))


if __name__ == "__main__":
    main(*sys.argv[1:])
