import type { Detail, EvidenceEvent, Finding, HistoryEntry, Message } from "./types.ts";

export type Kind = "finding" | "event" | "notice" | "answer" | "action";
export const KINDS: readonly Kind[] = ["finding", "event", "notice", "answer", "action"];
export type Entry =
  | { kind: "finding"; at: string; finding: Finding }
  | { kind: "event"; at: string; events: EvidenceEvent[] }
  | { kind: "notice"; at: string; message: Message }
  | { kind: "answer" | "action"; at: string; entry: HistoryEntry };

const RANK: Record<Kind, number> = { event: 0, finding: 1, action: 2, notice: 3, answer: 4 };

/** Everything of an incident in the order it happened; neighbouring events are one entry that can be opened. */
export function axis(detail: Detail, events: readonly EvidenceEvent[], hidden: ReadonlySet<Kind>): Entry[] {
  const loose: Entry[] = [
    ...events.map((event): Entry => ({ kind: "event", at: event.time, events: [event] })),
    ...detail.findings.map((finding): Entry => ({ kind: "finding", at: finding.time, finding })),
    ...detail.messages.map((message): Entry => ({ kind: "notice", at: message.created_at, message })),
    ...detail.history
      .filter((entry) => entry.kind !== "notified")
      .map((entry): Entry => ({ kind: entry.kind === "client_answered" ? "answer" : "action", at: entry.at, entry })),
  ];
  const sorted = loose
    .filter((entry) => !hidden.has(entry.kind))
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || RANK[a.kind] - RANK[b.kind]);
  const joined: Entry[] = [];
  for (const entry of sorted) {
    const last = joined[joined.length - 1];
    if (entry.kind === "event" && last?.kind === "event") last.events.push(...entry.events);
    else joined.push(entry.kind === "event" ? { ...entry, events: [...entry.events] } : entry);
  }
  return joined;
}

/** A value of an event as text; `path` names it, dots between levels. */
export function flat(value: unknown, path = ""): [string, string][] {
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key));
  return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
}
