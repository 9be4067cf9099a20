import { useEffect, useState } from "preact/hooks";
import { Check, CircleHelp, Clock, MessageSquare, Mail, OctagonX, Minus } from "lucide-preact";
import { get } from "./call.ts";
import { live } from "./live.ts";
import { Level } from "./level.tsx";
import { clock, stamp } from "./time.ts";
import type { Message } from "./types.ts";
import { coded, t } from "./words.ts";

const STATES = ["pending", "sending", "accepted", "delivered", "failed", "unknown", "suppressed", "bundled"];
const ICONS: Record<string, typeof Check> = { accepted: Check, delivered: Check, failed: OctagonX, unknown: CircleHelp, suppressed: Minus, bundled: Minus };

export function State({ state }: { state: string }) {
  const Icon = ICONS[state] ?? Clock;
  return <span class={`state state-${state}`}><Icon size={13} aria-hidden="true" />{coded("st", state)}</span>;
}

/** A message as the client got it, with its state and every attempt. */
export function MessageCard({ message, zone }: { message: Message; zone?: string }) {
  const Channel = message.channel === "sms" ? MessageSquare : Mail;
  return (
    <details class="message">
      <summary>
        <span><Channel size={14} aria-hidden="true" /> {t(message.channel)}</span> <b>{message.contact}</b> <span class="quiet num">{message.address}</span> <State state={message.state} />
        <span class="text">{message.subject || message.body}</span>
      </summary>
      <pre tabIndex={0}>{message.body}</pre>
      <p class="quiet num">{coded("kind", message.kind)} · {message.provider || "—"} · {t("msgAttempts", { n: message.attempts })}{message.last_error && ` · ${message.last_error}`}{message.state === "pending" && message.attempts > 0 && ` · ${t("nextTry", { t: clock(message.next_attempt_at, zone) })}`}</p>
      {message.tried.length > 0 && <ul>{message.tried.map((one) => <li key={one.at + one.outcome} class="quiet num">{stamp(one.at, zone)} · {one.provider} · {coded("o", one.outcome)} · {one.detail}</li>)}</ul>}
    </details>
  );
}

export function MessagesPage() {
  const [state, setState] = useState("");
  const [messages, setMessages] = useState<Message[] | null>(null);
  const [counts, setCounts] = useState<Record<string, number>>({});
  const load = (before?: string): void => {
    const query = new URLSearchParams({ ...(state && { state }), ...(before && { before }) });
    void get<{ messages: Message[]; counts: Record<string, number> }>(`/api/messages?${query}`).then((found) => {
      setCounts(found.counts);
      setMessages((known) => (before && known ? [...known, ...found.messages] : found.messages));
    });
  };
  useEffect(() => {
    load();
    let timer = 0;
    const stop = live.subscribe((what) => {
      if (what !== "notices") return;
      clearTimeout(timer);
      timer = window.setTimeout(load, 500);
    });
    return () => { stop(); clearTimeout(timer); };
  }, [state]);
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const last = messages?.[messages.length - 1];
  return (
    <main class="messages">
      <h1>{t("messages")}</h1>
      <div class="kinds" role="group" aria-label={t("msgState")}>
        <button aria-pressed={state === ""} onClick={() => setState("")}>{t("allStates")} <span class="num">{total}</span></button>
        {STATES.filter((one) => counts[one]).map((one) => <button key={one} aria-pressed={state === one} onClick={() => setState(one)}>{coded("st", one)} <span class="num">{counts[one]}</span></button>)}
      </div>
      {messages === null ? <p class="quiet">{t("loading")}</p> : messages.length === 0 ? <p class="quiet empty">{t("noMessages")}</p> : (
        <ul class="list">{messages.map((message) => (
          <li key={message.id}>
            <time class="num quiet" dateTime={message.created_at}>{stamp(message.created_at)}</time>
            <Level risk={message.risk} />
            <span class="cut">{message.tenant}</span>
            <a class="num" href={`/incidents/${message.incident}`}>#{message.incident}</a>
            <MessageCard message={message} />
          </li>
        ))}</ul>
      )}
      {last && (messages?.length ?? 0) % 100 === 0 && <button onClick={() => load(last.created_at)}>{t("older")}</button>}
    </main>
  );
}
