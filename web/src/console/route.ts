/**
 * The console's addresses, kept in the hash: `#/`, `#/exams/<id>`, `#/pushes`, `#/verdict`, `#/authorities`,
 * `#/authorities/add`, `#/authorities/<name>/trial`.
 */

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "exams" | "pushes" | "verdict" | "authorities" | "authority-form" }
  | { page: "exam"; id: string }
  | { page: "authority-trial"; name: string };

export function parseRoute(hash: string): Route {
  const [first = "", second = "", third = ""] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (first === "exams" && second) return { page: "exam", id: second };
  if (first === "authorities" && third === "trial") return { page: "authority-trial", name: second };
  if (first === "authorities") return { page: second === "add" ? "authority-form" : "authorities" };
  if (first === "pushes" || first === "verdict") return { page: first };
  return { page: "exams" };
}

/** Why a login at the provider failed: the portal sends the browser back to `#/login/<reason>`. */
export function loginProblem(hash: string): string {
  const reason = hash.match(/^#\/login\/(.+)$/)?.[1];
  return reason ? decodeURIComponent(reason) : "";
}

export const examAddress = (id: string): string => `#/exams/${encodeURIComponent(id)}`;

export const trialAddress = (name: string): string => `#/authorities/${encodeURIComponent(name)}/trial`;

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    changed(); // the address may have changed between the first drawing and this
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
