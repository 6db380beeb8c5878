"""A browser's end of a WebSocket, spoken to the ASGI application directly.

Channels has one, but importing it asks for daphne.
"""

from asgiref.testing import ApplicationCommunicator


class SocketClient(ApplicationCommunicator):
    def __init__(self, application, path: str, headers: dict[str, str]):
        path, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": [],
        }
        super().__init__(application, scope)

    async def connect(self) -> bool:
        """Whether the handshake was accepted."""
        await self.send_input({"type": "websocket.connect"})
        return (await self.receive_output(timeout=5))["type"] == "websocket.accept"

    async def send(self, message: str | bytes) -> None:
        kind = "bytes" if isinstance(message, bytes) else "text"
        await self.send_input({"type": "websocket.receive", kind: message})

    async def receive(self) -> str | bytes:
        """The next message; a socket that is closed instead fails the test."""
        output = await self.receive_output(timeout=5)
        assert output["type"] == "websocket.send", output
        return output["text"] if output.get("text") is not None else output["bytes"]

    async def closing_code(self) -> int:
        output = await self.receive_output(timeout=5)
        assert output["type"] == "websocket.close", output
        return output["code"]

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait(timeout=5)
