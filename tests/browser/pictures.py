"""What a viewer shows, read from its canvas."""

import time
from collections.abc import Callable

from playwright.sync_api import Frame, Page

_BRIGHT = """() => {
  const canvas = document.querySelector("canvas.cornerstone-canvas");
  if (!canvas || !canvas.width) return 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let bright = 0;
  for (let i = 0; i < data.length; i += 4) bright += data[i] > 127 ? 1 : 0;
  return bright / (data.length / 4);
}"""
PATIENCE_MS = 60_000
ANOTHER = 0.0005


def wait_for_picture(viewer: Page | Frame) -> float:
    """Wait until a picture is drawn; answers the share of bright pixels (of a head CT neither none nor all)."""
    viewer.wait_for_function(f"() => {{ const b = ({_BRIGHT})(); return b > 0.005 && b < 0.9; }}", timeout=PATIENCE_MS)
    return bright_share(viewer)


def wait_for_another_picture(viewer: Page, turn: Callable[[], None], *, than: float) -> None:
    """Turn on, as often as it takes, until the picture differs from the one that had this share of bright pixels: a
    viewer that has drawn a picture may not listen yet, or not have the next one yet."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while abs(bright_share(viewer) - than) <= ANOTHER:
        assert time.monotonic() < deadline, "always the same picture"
        turn()
        viewer.wait_for_timeout(100)


def bright_share(viewer: Page | Frame) -> float:
    share: float = viewer.evaluate(_BRIGHT)
    return share
