import { useState } from "preact/hooks";
import { Bell, Check, Crosshair, FileText, MessageSquareReply, UserCheck } from "lucide-preact";
import { axis, counted, flat, KINDS, type Entry, type Kind } from "./axis.ts";
import { get } from "./call.ts";
import { Level } from "./level.tsx";
import { MessageCard } from "./messages.tsx";
import { clock, day, stamp } from "./time.ts";
import type { Detail, EvidenceEvent, Finding, HistoryEntry } from "./types.ts";
import { coded, t, titleOf, type Word } from "./words.ts";

const ICONS = { finding: Crosshair, event: FileText, notice: Bell, answer: MessageSquareReply, action: UserCheck };
const WORDS: Record<Kind, Word> = { finding: "kindFinding", event: "kindEvent", notice: "kindNotice", answer: "kindAnswer", action: "kindAction" };
const FIRST = 3; // events shown of a run before it is opened

export function Timeline({ detail, events, complete }: { detail: Detail; events: EvidenceEvent[]; complete: boolean }) {
  const [hidden, setHidden] = useState<ReadonlySet<Kind>>(new Set());
  const entries = axis(detail, events, hidden);
  const counts = counted(detail, events);
  const toggle = (kind: Kind): void => {
    const next = new Set(hidden);
    if (!next.delete(kind)) next.add(kind);
    setHidden(next);
  };
  let shownDay = "";
  return (
    <section class="timeline">
      <div class="kinds"><h2>{t("timeline")}</h2>
        <div role="group" aria-label={t("fold")}>{KINDS.map((kind) => (
          <button key={kind} aria-pressed={!hidden.has(kind)} onClick={() => toggle(kind)}>
            <span class="tick" aria-hidden="true">{!hidden.has(kind) && <Check size={12} />}</span>{t(WORDS[kind])} <span class="num">{counts[kind].toLocaleString()}</span>
          </button>
        ))}</div>
      </div>
      {!complete && <p class="wrong" role="status">{t("evidenceLate")}</p>}
      {detail.row.event_count > events.length && <p class="quiet num">{t("evidenceKept", { kept: events.length.toLocaleString(), all: detail.row.event_count.toLocaleString() })}</p>}
      <ol>{entries.map((entry) => {
        const Icon = ICONS[entry.kind];
        const today = day(entry.at, detail.zone);
        const first = today !== shownDay;
        shownDay = today;
        return (
          <li key={keyOf(entry)} class={`entry ${entry.kind}`}>
            {first && <h3>{today}</h3>}
            <time class="num" dateTime={entry.at} title={stamp(entry.at, detail.zone)}>{clock(entry.at, detail.zone)}</time>
            <span class="mark" title={t(WORDS[entry.kind])}><Icon size={14} aria-hidden="true" /></span>
            <div class="body"><Body entry={entry} detail={detail} /></div>
          </li>
        );
      })}</ol>
    </section>
  );
}

function keyOf(entry: Entry): string {
  if (entry.kind === "event") return `e${entry.events[0]?.id}`;
  if (entry.kind === "finding") return `f${entry.finding.id}`;
  return entry.kind === "notice" ? `n${entry.message.id}` : `h${entry.entry.id}`;
}

function Body({ entry, detail }: { entry: Entry; detail: Detail }) {
  if (entry.kind === "finding") return <Findings finding={entry.finding} more={entry.more} detail={detail} />;
  if (entry.kind === "event") return <Events events={entry.events} detail={detail} />;
  if (entry.kind === "notice") return <MessageCard message={entry.message} zone={detail.zone} />;
  return <HistoryLine entry={entry.entry} />;
}

function Findings({ finding, more, detail }: { finding: Finding; more: Finding[]; detail: Detail }) {
  const shown = detail.findings.filter((one) => one.rule_id === finding.rule_id).length;
  const left = Math.max(0, (detail.rule_counts[finding.rule_id] ?? shown) - shown);
  const last = more[more.length - 1];
  return (
    <>
      <FindingBody finding={finding} />
      {last && <details class="more">
        <summary>{t("moreFindings", { n: (more.length + left).toLocaleString() })} <span class="num quiet">– {clock(last.time, detail.zone)}</span></summary>
        <ol>{more.map((one) => (
          <li key={one.id}><span class="num quiet">{clock(one.time, detail.zone)}</span> <Level risk={one.risk} /> {titleOf(one)}{one.user && <span class="quiet"> · {one.user}</span>}</li>
        ))}</ol>
        {left > 0 && <p class="quiet">{t("findingsLeft", { n: left.toLocaleString() })}</p>}
      </details>}
    </>
  );
}

function FindingBody({ finding }: { finding: Finding }) {
  return (
    <>
      <p><Level risk={finding.risk} /> <b>{titleOf(finding)}</b></p>
      <p class="quiet">{t("rule")}: {finding.rule_title} ({coded("sigma", finding.level)}) · {finding.device_name}{finding.user && ` · ${finding.user}`} · <span class="num">{t("events", { n: finding.event_count.toLocaleString() })}</span></p>
      {finding.tags.length > 0 && <p class="quiet tags">{finding.tags.map((tag) => <code key={tag}>{tag}</code>)}</p>}
    </>
  );
}

function Events({ events, detail }: { events: EvidenceEvent[]; detail: Detail }) {
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(0, FIRST);
  return (
    <div class="events">
      {shown.map((event) => <EventFields key={event.id} event={event} detail={detail} alone={events.length === 1} />)}
      {events.length > FIRST && <button class="plain" onClick={() => setAll(!all)}>{all ? t("fewerEvents") : t("moreEvents", { n: events.length - FIRST })}</button>}
    </div>
  );
}

const TELLING = ["CommandLine", "TargetFilename", "file.path", "path", "Image", "DestinationIp", "dst_ip", "cs-uri-stem", "cs-uri", "query", "QueryName", "device", "mount_point", "ScriptBlockText", "IpAddress", "TargetUserName", "ServiceName", "cs-user-agent", "c-ip", "src_ip", "EventID"];

function EventFields({ event, detail, alone }: { event: EvidenceEvent; detail: Detail; alone: boolean }) {
  const [raw, setRaw] = useState(false);
  const [same, setSame] = useState<{ field: string; value: string; events: EvidenceEvent[] } | null>(null);
  const fields = flat(JSON.parse(event.raw)).filter(([name]) => name !== "@timestamp");
  const known = new Map(fields);
  const first = TELLING.filter((name) => known.get(name)).slice(0, 2).map((name) => known.get(name)).join("  ·  ") || fields.slice(0, 2).map(([, value]) => value).join("  ·  ");
  const find = (field: string, value: string): void => {
    const query = new URLSearchParams({ tenant: detail.row.tenant_id, field, value });
    void get<{ events: EvidenceEvent[] }>(`/api/events?${query}`).then((found) => setSame({ field, value, events: found.events }));
  };
  return (
    <details class="evidence">
      <summary>{!alone && <span class="num quiet">{clock(event.time, detail.zone)}</span>} <span class="quiet">{event.device} {event.logsource.replace(/\w+=/g, "")}</span> <code>{first}</code></summary>
      <div class="tools"><button class="plain" aria-pressed={raw} onClick={() => setRaw(!raw)}>{raw ? t("fields") : t("raw")}</button></div>
      {raw ? <pre tabIndex={0}>{JSON.stringify(JSON.parse(event.raw), null, 2)}</pre> : (
        <table><tbody>{fields.map(([name, value]) => (
          <tr key={name}><th scope="row">{name}</th><td>{name.includes(".") ? value : <button class="link" title={t("sameValue")} onClick={() => find(name, value)}>{value || "—"}</button>}</td></tr>
        ))}</tbody></table>
      )}
      {same && <div class="same" role="status">
        <p><b>{same.field} = {same.value}</b> · <span class="num">{same.events.length ? t("found", { n: same.events.length }) : t("notFound")}</span></p>
        <ul>{same.events.slice(0, 20).map((one) => <li key={one.id}><span class="num">{stamp(one.time, detail.zone)}</span> {one.device} <span class="quiet">{one.logsource.replace(/\w+=/g, "")}</span></li>)}</ul>
      </div>}
    </details>
  );
}

function HistoryLine({ entry }: { entry: HistoryEntry }) {
  const d = entry.detail as Record<string, string>;
  const said: Record<string, string> = {
    opened: t("hOpened"), raised: t("hRaised"), noted: t("hNoted"), acknowledged: t("hAcknowledged"), reopened: t("hReopened"), notified: t("hNotified"),
    assigned: d["owner"] ? t("hAssigned", { who: d["owner"] }) : t("hUnassigned"),
    closed: t("hClosed", { verdict: coded("verdict", d["verdict"] ?? "") }),
    client_answered: t("hAnswered", { what: coded("ans", d["answer"] ?? "") }),
  };
  return (
    <>
      <p><b>{said[entry.kind] ?? entry.kind}</b>{entry.kind === "raised" && d["from"] && d["to"] && ` ${coded("level", levelCode(d["from"]))} → ${coded("level", levelCode(d["to"]))}`} <span class="quiet">{entry.actor === "jikimi" ? t("system") : entry.actor}</span></p>
      {d["text"] && <p class="note">{d["text"]}</p>}
    </>
  );
}

function levelCode(name: string): string {
  return String(["low", "medium", "high", "very_high"].indexOf(name) + 1);
}
