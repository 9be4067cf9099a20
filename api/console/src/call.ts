import { t, coded } from "./words.ts";
import { clock } from "./time.ts";

/** What the server refused, in the reader's words. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

export async function get<T>(path: string): Promise<T> {
  return (await answered(await fetch(path, { headers: { accept: "application/json" } }))) as T;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await answered(await fetch(path, request))) as T;
}

async function answered(response: Response): Promise<unknown> {
  const body = (await response.json().catch(() => ({}))) as Record<string, string>;
  if (response.ok) return body;
  if (response.status === 401) throw new Refusal(401, t("sessionOver"));
  if (response.status === 409 && body["by"] && body["at"]) {
    const by = body["by"] === "jikimi" ? t("system") : body["by"];
    throw new Refusal(409, t("taken", { by, what: coded("did", body["kind"] ?? ""), time: clock(body["at"]) }));
  }
  throw new Refusal(response.status, t("failed", { why: body["error"] ?? String(response.status) }));
}
