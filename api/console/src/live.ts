import type { LiveMessage, Pulse, Row } from "./types.ts";

export type Link = "connecting" | "open" | "lost";

/** The console's copy of the queue, kept true by the WebSocket. */
export class Live {
  rows = new Map<string, Row>();
  changedAt = new Map<string, number>();
  pulse: Pulse | null = null;
  link: Link = "connecting";
  loaded = false;
  lastWord = Date.now();
  skew = 0; // server clock minus ours, in ms
  lagSince: number | null = null;
  private seq = -1;
  private tries = 0;
  private readonly listeners = new Set<(what: "rows" | "pulse" | "link" | "notices") => void>();

  start(): void {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live`);
    socket.onmessage = (event) => this.take(socket, JSON.parse(event.data as string) as LiveMessage);
    socket.onclose = (event) => {
      if (event.code === 4401 && !document.querySelector("dialog[open]")) { // what is being typed stays
        location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      this.link = "lost";
      this.tell("link");
      const wait = Math.min(10_000, 500 * 2 ** this.tries++) * (0.75 + Math.random() / 2);
      setTimeout(() => this.start(), wait);
    };
  }

  subscribe(listener: (what: "rows" | "pulse" | "link" | "notices") => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  now(): number {
    return Date.now() + this.skew;
  }

  private take(socket: WebSocket, message: LiveMessage): void {
    this.lastWord = Date.now();
    this.link = "open";
    this.tries = 0;
    if (message.type === "snapshot") {
      this.rows = new Map(message.rows.map((row) => [row.id, row]));
      this.seq = message.seq;
      this.loaded = true;
      this.read(message.pulse);
      this.tell("rows");
    } else if (message.type === "delta") {
      if (message.seq <= this.seq) return;
      if (message.after > this.seq) {
        socket.send("resync");
        return;
      }
      this.seq = message.seq;
      for (const row of message.rows) {
        const known = this.rows.get(row.id);
        if (known && known.version > row.version) continue;
        this.rows.set(row.id, row);
        this.changedAt.set(row.id, Date.now());
      }
      this.tell("rows");
      if (message.notices) this.tell("notices");
    } else {
      if (message.seq > this.seq) socket.send("resync");
      this.read(message.pulse);
      this.tell("pulse");
    }
  }

  private read(pulse: Pulse): void {
    this.skew = Date.parse(pulse.now) - Date.now();
    const behind = Object.values(pulse.lag).reduce((sum, n) => sum + n, 0);
    const before = this.pulse ? Object.values(this.pulse.lag).reduce((sum, n) => sum + n, 0) : 0;
    if (behind === 0 || behind < before) this.lagSince = null;
    else this.lagSince ??= Date.now();
    this.pulse = pulse;
  }

  private tell(what: "rows" | "pulse" | "link" | "notices"): void {
    for (const listener of this.listeners) listener(what);
  }
}

export const live = new Live();
