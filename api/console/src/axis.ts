import type { Detail, EvidenceEvent, Finding, HistoryEntry, Message } from "./types.ts";

export type Kind = "finding" | "event" | "notice" | "answer" | "action";
export const KINDS: readonly Kind[] = ["finding", "event", "notice", "answer", "action"];
export type Entry =
  | { kind: "finding"; at: string; finding: Finding; more: Finding[] }
  | { kind: "event"; at: string; events: EvidenceEvent[] }
  | { kind: "notice"; at: string; message: Message }
  | { kind: "answer" | "action"; at: string; entry: HistoryEntry };

type FindingEntry = Extract<Entry, { kind: "finding" }>;

const RANK: Record<Kind, number> = { event: 0, finding: 1, action: 2, notice: 3, answer: 4 };

/** Everything of an incident in the order it happened; neighbouring events are one entry that can be opened. */
export function axis(detail: Detail, events: readonly EvidenceEvent[], hidden: ReadonlySet<Kind>): Entry[] {
  const loose: Entry[] = [
    ...events.map((event): Entry => ({ kind: "event", at: event.time, events: [event] })),
    ...detail.findings.map((finding): Entry => ({ kind: "finding", at: finding.time, finding, more: [] })),
    ...detail.messages.map((message): Entry => ({ kind: "notice", at: message.created_at, message })),
    ...detail.history
      .filter((entry) => entry.kind !== "notified")
      .map((entry): Entry => ({ kind: entry.kind === "client_answered" ? "answer" : "action", at: entry.at, entry })),
  ];
  const sorted = loose
    .filter((entry) => !hidden.has(entry.kind))
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || RANK[a.kind] - RANK[b.kind]);
  const joined: Entry[] = [];
  for (const entry of folded(sorted)) {
    const last = joined[joined.length - 1];
    if (entry.kind === "event" && last?.kind === "event") last.events.push(...entry.events);
    else joined.push(entry.kind === "event" ? { ...entry, events: [...entry.events] } : entry);
  }
  return joined;
}

const FEW = 3; // findings of one rule that stand each for itself

/** Many findings of one rule become one entry where the first stood, until somebody did something about them. */
function folded(sorted: readonly Entry[]): Entry[] {
  const kept: Entry[] = [];
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    while (to < sorted.length && !byPeople(sorted[to] as Entry)) to++;
    kept.push(...foldRun(sorted.slice(from, to)));
    if (to < sorted.length) kept.push(sorted[to] as Entry);
    from = to + 1;
  }
  return kept;
}

function byPeople(entry: Entry): boolean {
  return entry.kind === "answer" || (entry.kind === "action" && entry.entry.actor !== "jikimi");
}

function foldRun(run: readonly Entry[]): Entry[] {
  const rules = new Map<string, FindingEntry[]>();
  for (const entry of run) {
    if (entry.kind !== "finding") continue;
    const same = `${entry.finding.rule_id} ${entry.finding.device_name}`;
    rules.set(same, [...(rules.get(same) ?? []), entry]);
  }
  const first = new Map<Entry, Finding[]>();
  const under = new Set<Entry>();
  for (const [one, ...others] of rules.values()) {
    if (!one || others.length < FEW) continue;
    first.set(one, others.map((entry) => entry.finding));
    for (const entry of others) under.add(entry);
  }
  return run.filter((entry) => !under.has(entry))
    .map((entry) => (entry.kind === "finding" && first.has(entry) ? { ...entry, more: first.get(entry) as Finding[] } : entry));
}

/** How many entries of each kind there are, whether shown or not. */
export function counted(detail: Detail, events: readonly EvidenceEvent[]): Record<Kind, number> {
  const answers = detail.history.filter((entry) => entry.kind === "client_answered").length;
  const actions = detail.history.filter((entry) => entry.kind !== "notified").length - answers;
  return { finding: detail.findings_total, event: events.length, notice: detail.messages.length, answer: answers, action: actions };
}

/** A value of an event as text; `path` names it, dots between levels. */
export function flat(value: unknown, path = ""): [string, string][] {
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key));
  return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
}
