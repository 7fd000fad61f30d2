"""Gradio's sessions, of which only those that hold a photo have a bounded place to lose."""

from gradio.state_holder import SessionState, StateHolder

MAX_EMPTY = 256  # sessions of API calls and of pages without a photo: forgotten first, with nothing lost


def holds_photo(session: SessionState) -> bool:
    return any(value is not None for value in session.state_data.values())


class PhotoSessions(StateHolder):
    """Gradio would drop the oldest of all sessions, and each API call makes one: seventy calls would throw
    away every visitor's photo.
    """

    def update(self, session_id: str) -> None:
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            full = [key for key, session in self.session_data.items() if holds_photo(session)]
            empty = [key for key in self.session_data if key not in full]
            for keys, most in ((full, self.capacity), (empty, MAX_EMPTY)):
                for key in keys[: max(0, len(keys) - most)]:
                    del self.session_data[key]
                    self.time_last_used.pop(key, None)
