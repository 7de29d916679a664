/** Whether the window is at least so wide. */

import { useEffect, useState } from "preact/hooks";

export function useWide(pixels: number): boolean {
  const query = `(min-width: ${pixels}px)`;
  const [isWide, setIsWide] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = () => setIsWide(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [query]);
  return isWide;
}
