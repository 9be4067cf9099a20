// The shapes of api/incidents/*.py and api/live/*.py; times are RFC 3339 text.
export type Risk = 1 | 2 | 3 | 4;
export type Status = "new" | "acknowledged" | "closed";
export type Language = "ko" | "en";

export interface Deadline { step: "tell" | "acknowledge" | "close"; due: string; span: number }

export interface Row {
  id: string; number: number; version: number;
  tenant_id: string; tenant: string; title_ko: string; title_en: string;
  risk: Risk; score: number; status: Status; verdict: string;
  owner_id: string | null; owner: string;
  first_time: string; last_time: string; opened_at: string; updated_at: string;
  told_at: string | null; acknowledged_at: string | null; client_answered_at: string | null; closed_at: string | null;
  finding_count: number; event_count: number;
  answer: "" | "ours" | "help" | "call"; failed_notices: number; deadline: Deadline | null;
}

export interface SilentAgent { tenant: string; device: string; last_seen: string | null }

export interface Pulse {
  now: string; events_per_second: number; events_total: number; agents: number; silent: number;
  silent_agents: SilentAgent[]; last_event_at: string | null; senders: number; tenants: number; lag: Record<string, number>;
}

export type LiveMessage =
  | { type: "snapshot"; seq: number; rows: Row[]; pulse: Pulse }
  | { type: "delta"; after: number; seq: number; rows: Row[]; notices: boolean }
  | { type: "pulse"; seq: number; pulse: Pulse };

export interface User { id: string; login: string; name: string; role: string; language: Language }

export interface Finding {
  id: string; rule_id: string; rule_title: string; level: string; risk: Risk; time: string;
  logsource: Record<string, string>; device_id: string; device_name: string; user: string;
  title_ko: string; title_en: string; tags: string[]; event: Record<string, unknown>; event_ids: string[]; event_count: number;
}
export interface EvidenceEvent { id: string; time: string; device: string; logsource: string; raw: string }
export interface HistoryEntry { id: number; at: string; actor: string; kind: string; detail: Record<string, unknown> }
export interface Attempt { at: string; provider: string; outcome: string; detail: string }
export interface Message {
  id: string; tenant_id: string; tenant: string; incident_id: string; incident: number; title_ko: string; title_en: string;
  kind: string; risk: Risk; channel: "sms" | "mail"; contact: string; address: string; state: string; subject: string;
  body: string; provider: string; attempts: number; next_attempt_at: string; last_error: string; created_at: string;
  updated_at: string; tried: Attempt[];
}
export interface Reach { name: string; channel: "sms" | "mail"; address: string; told: boolean }
export interface Device { id: string; name: string; os: string; last_seen: string | null; agent_version: string; sender: boolean }
export interface PastIncident { number: number; title_ko: string; title_en: string; risk: Risk; status: Status; verdict: string; opened_at: string }
export interface Term { points: number; ko: string; en: string }
export interface Detail {
  row: Row; zone: string; score_terms: Term[]; devices: Device[]; users: string[]; findings: Finding[]; findings_total: number; rule_counts: Record<string, number>;
  history: HistoryEntry[]; messages: Message[]; reach: Reach[]; past: PastIncident[];
}
export interface Picture { name: string; taken_at: string }
export interface Site { id: string; name: string; url: string; deploying_until: string | null; last_look_at: string | null; before: Picture | null; after: Picture | null }
export interface Person { id: string; name: string }
