/** JSON over the portal's own origin; errors are problem+json (RFC 9457). */

/** What the server, or the way to it, answered in place of data. `status` 0: it could not be reached. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly members: Record<string, unknown> = {},
  ) {
    super(detail || title);
  }
}

interface ProblemBody extends Record<string, unknown> {
  title?: string;
  detail?: string;
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, cache: "no-store", headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { accept: "application/json", "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiProblem(0, "连接中断", "无法连接服务器，请稍后再试。The server cannot be reached.");
  }
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as ProblemBody;
    throw new ApiProblem(response.status, problem.title ?? response.statusText, problem.detail ?? "", problem);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const getJson = <T>(path: string): Promise<T> => request<T>("GET", path);
export const postJson = <T>(path: string, body: unknown): Promise<T> => request<T>("POST", path, body);
export const putJson = <T>(path: string, body: unknown): Promise<T> => request<T>("PUT", path, body);
export const deleteJson = (path: string): Promise<void> => request<void>("DELETE", path);

/** A path with the parameters that hold something. */
export function withQuery(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Problems as one line for people. */
export function told(error: unknown): string {
  if (error instanceof ApiProblem) return error.detail || error.title;
  return String(error);
}
