/** The time, for texts such as "5 秒前". */

import { useEffect, useState } from "preact/hooks";

const EVERY_MS = 5000;

export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
