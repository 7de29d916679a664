"""What a viewer shows, read from its canvas."""

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


def wait_for_picture(viewer: Page | Frame) -> float:
    """Wait until a picture is drawn; answers the share of bright pixels (of a head CT neither none nor all)."""
    viewer.wait_for_function(f"() => {{ const b = ({_BRIGHT})(); return b > 0.005 && b < 0.9; }}", timeout=PATIENCE_MS)
    return bright_share(viewer)


def wait_for_another_picture(viewer: Page | Frame, than: float) -> None:
    """Wait until the picture differs from the one that had this share of bright pixels."""
    viewer.wait_for_function(f"(than) => Math.abs(({_BRIGHT})() - than) > 0.0005", arg=than, timeout=PATIENCE_MS)


def bright_share(viewer: Page | Frame) -> float:
    share: float = viewer.evaluate(_BRIGHT)
    return share
