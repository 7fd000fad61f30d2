"""What Uvicorn has under undocumented names alone, as seen in its version 0.54: a connection's protocol."""

from typing import Any

SILENCE_S = 20.0  # a connection without a whole request's head is closed then


def limit_silence(protocol: type[Any], silence_s: float = SILENCE_S) -> type[Any]:
    """A protocol class with a bound that Uvicorn lacks, for a connection that never sends its request."""

    class Impatient(protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._expect_request()

        def _expect_request(self) -> None:
            self.loop.call_later(silence_s, self._close_if_silent, self.cycle)

        def _close_if_silent(self, cycle: Any) -> None:
            if self.cycle is cycle and (cycle is None or cycle.response_complete):
                self.transport.close()

    return Impatient
