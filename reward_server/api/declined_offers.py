"""uvicorn's HTTP protocol, which declines what a client offers beside its request, as the standards say.

RFC 9110: a server may ignore an offer to upgrade the connection, and then answers in HTTP/1.1 as if there
were none. The parser below uvicorn instead takes what follows the head for the other protocol. Not for
bodies in other codings (``codings.py``).
"""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reward_client.errors import BadRequestError
from reward_server.api.errors import error_response


class DecliningProtocol(HttpToolsProtocol):
    """Reads a request that offers an upgrade (h2c, WebSocket, TLS) as the same request without the offer."""

    _head_without_offer = b""

    def data_received(self, data: bytes) -> None:
        """Parses what came."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response("")

    def _parse(self, data: bytes) -> bytes:
        """Parses up to an offer.

        Returns:
            What is to be parsed next: the head again without its offer, and what follows it.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            (end_of_head,) = offer.args
            # the one before is past this request, and past the last one where that says Connection: close
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            return self._head_without_offer + data[end_of_head:]
        return b""

    def on_headers_complete(self) -> None:
        """Starts the request; but one that offers an upgrade comes once more without the offer."""
        version: str = self.parser.get_http_version()
        if self._is_offer():
            line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version.encode())
            lines = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            self._head_without_offer = b"\r\n".join([line, *lines, b"", b""])
            return
        if version == "1.0":  # its clients know no answer before the answer
            self.expect_100_continue = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Ends the request's body; one that offers an upgrade has not begun yet."""
        if not self._is_offer():
            super().on_message_complete()

    def _is_offer(self) -> bool:
        # CONNECT is no offer but asks for a tunnel, which uvicorn refuses
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def send_400_response(self, _msg: str) -> None:
        """Answers what is not HTTP/1.1 in the wire contract's own form, and closes the connection."""
        error = BadRequestError("what was sent is not a valid request of HTTP/1.1", code="not_http")
        answer = error_response(error)
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%s: %s" % header for header in headers), b"", b""]
        self.transport.write(b"\r\n".join(lines) + bytes(answer.body))
        self.transport.close()
