"""Both transports keep one contract, on real sockets."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from assay.core.errors import ConfigError, NotFoundError
from assay.gateway.transport import HttpReply, Transport, TransportError, TransportTimeoutError, open_transport
from assay.testing.server import Fault, ModelServer

pytestmark = pytest.mark.slow

BODY = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "ping"}]})
HEADERS = {"content-type": "application/json", "authorization": "Bearer k"}


@pytest.fixture(params=["pyreqwest", "aiohttp"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


async def post(transport: Transport, server: ModelServer, *, timeout_s: float = 5.0) -> HttpReply:
    return await transport.send(f"{server.base_url}/chat/completions", headers=HEADERS, body=BODY, timeout_s=timeout_s)


def run(
    kind: str, work: Callable[[Transport, ModelServer], Any], *, max_connections: int | None = None, **server: Any
) -> Any:
    async def go() -> Any:
        async with ModelServer(**server) as model_server:
            transport = open_transport(kind, max_connections=max_connections)
            try:
                return await work(transport, model_server)
            finally:
                await transport.close()

    return asyncio.run(go())


def test_a_reply_is_read_whole_with_lower_case_headers(kind: str) -> None:
    fault = Fault(headers={"X-Request-Id": "r1"})

    async def work(transport: Transport, server: ModelServer) -> None:
        reply = await post(transport, server)
        assert reply.status == 200
        assert orjson.loads(reply.body)["choices"][0]["message"]["content"] == "ping"
        assert reply.headers["content-type"] == "application/json"
        assert {name.lower() for name in reply.headers} == set(reply.headers)
        assert reply.headers.get("x-request-id") == "r1"
        assert server.calls[0].headers["authorization"] == "Bearer k"
        assert server.bodies == [orjson.loads(BODY)]

    run(kind, work, faults=[fault])


@pytest.mark.parametrize("fault", [Fault.rate_limit(retry_after_s=2), Fault.server_error(), Fault.not_json()], ids=str)
def test_an_error_status_is_a_reply_and_not_an_exception(kind: str, fault: Fault) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        reply = await post(transport, server)
        assert (reply.status, reply.body) == (fault.status, fault.body)
        if fault.status == 429:
            assert reply.headers["retry-after"] == "2"

    run(kind, work, faults=[fault])


def test_a_hanging_server_ends_in_a_timeout_and_its_connection_is_given_up(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        with pytest.raises(TransportTimeoutError):
            await post(transport, server, timeout_s=0.1)
        assert (await post(transport, server)).status == 200
        assert await settles(lambda: server.open_connections <= 1)

    run(kind, work, faults=[Fault.hangs()], max_connections=1)


def test_cancelling_frees_the_connection(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        hanging = asyncio.ensure_future(post(transport, server, timeout_s=0.5))
        assert await settles(lambda: server.requests == 1)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert (await post(transport, server, timeout_s=0.4)).status == 200  # the pool of one has room again
        assert await settles(lambda: server.open_connections <= 1)

    run(kind, work, faults=[Fault.hangs()], max_connections=1)


def test_a_refused_connection_is_a_transport_error(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        await server.stop()
        with pytest.raises(TransportError) as caught:
            await post(transport, server)
        assert not isinstance(caught.value, TransportTimeoutError)

    run(kind, work)


@pytest.mark.parametrize("when", ["before", "middle"])
def test_a_connection_closed_on_the_way_is_a_transport_error(kind: str, when: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        with pytest.raises(TransportError) as caught:
            await post(transport, server)
        assert not isinstance(caught.value, TransportTimeoutError)
        assert (await post(transport, server)).status == 200

    run(kind, work, faults=[Fault.closes(when)])


def test_the_pool_limit_bounds_what_is_in_flight(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        replies = await asyncio.gather(*[post(transport, server) for _ in range(20)])
        assert {reply.status for reply in replies} == {200}
        assert server.peak_in_flight <= 4
        assert server.requests == 20

    run(kind, work, max_connections=4, delay_ms=2)


def test_connections_are_kept_alive(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        for _ in range(5):
            await post(transport, server)
        assert server.open_connections == 1

    run(kind, work)


def test_a_closed_transport_refuses(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        await post(transport, server)
        await transport.close()
        with pytest.raises(TransportError):
            await post(transport, server)

    run(kind, work)


def test_the_proxy_of_the_environment_is_used(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        url = "http://models.invalid/v1/chat/completions"
        reply = await transport.send(url, headers=HEADERS, body=BODY, timeout_s=5.0)
        assert reply.status == 200
        assert server.calls[0].path == url  # a proxy is asked for the whole address
        monkeypatch.delenv("HTTP_PROXY")
        monkeypatch.delenv("http_proxy")

    run(kind, work)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ssl.SSLContext]]:
    """A certificate authority and a server certificate for 127.0.0.1 signed by it."""
    home = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=home)

    try:
        openssl("version")
    except FileNotFoundError:
        pytest.skip("the openssl command is not installed")
    new_key = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
    openssl("req", *new_key[:3], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
    (home / "extensions").write_text(extensions)
    openssl(
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "extensions", "-out", "server.pem",
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "server.pem", home / "server.key")
    yield home / "ca.pem", context


def tls_round_trip(kind: str, context: ssl.SSLContext, *, ca_file: str | None) -> HttpReply:
    async def go() -> HttpReply:
        async with ModelServer(ssl_context=context) as server:
            transport = open_transport(kind, max_connections=None, ca_file=ca_file)
            try:
                return await post(transport, server)
            finally:
                await transport.close()

    return asyncio.run(go())


def test_a_certificate_nobody_vouches_for_is_refused(kind: str, certificate: tuple[Path, ssl.SSLContext]) -> None:
    with pytest.raises(TransportError):
        tls_round_trip(kind, certificate[1], ca_file=None)


def test_a_certificate_is_trusted_by_setting(kind: str, certificate: tuple[Path, ssl.SSLContext]) -> None:
    assert tls_round_trip(kind, certificate[1], ca_file=str(certificate[0])).status == 200


def test_a_certificate_is_trusted_by_environment(
    kind: str, certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert tls_round_trip(kind, certificate[1], ca_file=None).status == 200


def test_a_missing_certificate_file_is_named(kind: str) -> None:
    with pytest.raises(NotFoundError, match=r"no/such/ca\.pem"):
        tls_round_trip(kind, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ca_file="no/such/ca.pem")


def test_an_unknown_transport_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        open_transport("pyreqest", max_connections=None)
    assert "pyreqwest" in caught.value.hint


async def settles(condition: Callable[[], bool]) -> bool:
    for _ in range(400):
        if condition():
            return True
        await asyncio.sleep(0.005)
    return False


def test_a_get_has_no_body_and_its_reply_is_read_whole(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        reply = await transport.fetch(f"{server.base_url}/batches/none?x=1", headers=HEADERS, timeout_s=5.0)
        assert reply.status == 404
        assert "nothing at" in orjson.loads(reply.body)["error"]["message"]
        assert (server.calls[0].path, server.calls[0].body) == ("/v1/batches/none?x=1", {})
        assert server.calls[0].headers["authorization"] == "Bearer k"

    run(kind, work, max_connections=1)


def test_a_get_ends_with_its_time_or_its_connection(kind: str) -> None:
    async def work(transport: Transport, server: ModelServer) -> None:
        with pytest.raises(TransportTimeoutError):
            await transport.fetch(f"{server.base_url}/batches/a", headers=HEADERS, timeout_s=0.2)
        with pytest.raises(TransportError):
            await transport.fetch(f"{server.base_url}/batches/a", headers=HEADERS, timeout_s=5.0)

    run(kind, work, faults=lambda call: Fault.closes("before") if call.index else Fault.hangs())
