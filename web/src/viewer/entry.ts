/** Where the viewer is opened, and with which token: links say `/viewer?StudyInstanceUIDs=…&token=…`. */

export const BASE = "/viewer";
/** The viewer's own route (its mode "longitudinal") below BASE. */
const STUDY_ROUTE = `${BASE}/viewer`;
const KEY = "radbridge-viewer-token";
/** Below this the list of series would take a third of the width or more; it can be opened there. */
const ROOM_FOR_PANEL = 1100;

/** The part of the Web Storage API that is used here. */
export type Store = Pick<Storage, "getItem" | "setItem">;

/**
 * The address that the viewer should find itself at: a link's is moved to the route that shows studies, and a token that
 * this tab was opened with is put back after a reload. The viewer takes the token out of the address itself.
 */
export function entryAddress(path: string, query: string, store: Store): string {
  const parameters = new URLSearchParams(query);
  const token = parameters.get("token");
  if (token) store.setItem(KEY, token);
  const kept = token ?? store.getItem(KEY);
  if (kept) parameters.set("token", kept);
  const asksForStudy = parameters.has("StudyInstanceUIDs") && path.replace(/\/$/, "") === BASE;
  const rest = parameters.toString();
  return (asksForStudy ? STUDY_ROUTE : path) + (rest ? `?${rest}` : "");
}

/** Whether side panels would leave no room for the picture. */
export function isNarrow(width: number): boolean {
  return width < ROOM_FOR_PANEL;
}
