import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, Refusal } from "./call.ts";
import type { Person, Reach, Row, User } from "./types.ts";
import { coded, t, type Word } from "./words.ts";

export type What = "acknowledge" | "claim" | "assign" | "note" | "close" | "reopen";
export interface Doing { what: What; row: Row; reach?: Reach[] }

const drafts = new Map<string, string>(); // what was typed and not sent outlives its dialog
const VERDICTS = ["true_positive", "benign", "false_positive", "unclear"];

/** Says what an action will do and who will be told, then does it. */
export function Actions({ doing, user, onEnd }: { doing: Doing; user: User; onEnd: (done: boolean) => void }) {
  const { what, row } = doing;
  const box = useRef<HTMLDialogElement>(null);
  const [people, setPeople] = useState<Person[]>([]);
  const [owner, setOwner] = useState(row.owner_id ?? "");
  const draft = `${what} ${row.id}`;
  const [text, write] = useState(drafts.get(draft) ?? "");
  const setText = (typed: string): void => { drafts.set(draft, typed); write(typed); };
  const [over, setOver] = useState(false);
  const [verdict, setVerdict] = useState("true_positive");
  const [tell, setTell] = useState(row.told_at !== null);
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    box.current?.showModal();
    box.current?.querySelector<HTMLElement>("textarea, select, button")?.focus();
    if (what === "assign") void get<{ people: Person[] }>("/api/people").then((found) => setPeople(found.people));
  }, []);
  const path = `/api/incidents/${row.id}/${what === "claim" ? "assign" : what}`;
  const seen = { version: row.version, risk: row.risk };
  const bodies: Record<What, unknown> = {
    acknowledge: seen, reopen: seen, note: { text }, claim: { ...seen, owner_id: user.id },
    assign: { ...seen, owner_id: owner || null }, close: { ...seen, verdict, text, tell },
  };
  const act = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await post(path, bodies[what]);
      drafts.delete(draft);
      onEnd(true);
    } catch (error) {
      setOver(error instanceof Refusal && error.status === 401);
      setWrong(error instanceof Refusal ? error.message : t("failed", { why: String(error) }));
      setBusy(false);
    }
  };
  return (
    <dialog ref={box} class="act" onClose={() => onEnd(wrong !== "")} aria-labelledby="act-title">
      <form onSubmit={act}>
        <h2 id="act-title">{t(what)} <span class="quiet num">#{row.number} {row.tenant}</span></h2>
        {what === "assign" && <label>{t("owner")}<select value={owner} onChange={(event) => setOwner(event.currentTarget.value)}>
          <option value="">{t("nobody")}</option>
          {people.map((person) => <option key={person.id} value={person.id}>{person.name}</option>)}
        </select></label>}
        {what === "close" && <fieldset><legend>{t("verdict")}</legend>{VERDICTS.map((one) => (
          <label key={one} class="choice"><input type="radio" name="verdict" checked={verdict === one} onChange={() => setVerdict(one)} />{coded("verdict", one)}</label>
        ))}</fieldset>}
        {(what === "note" || what === "close") && <label>{t(what === "note" ? "noteText" : "closeText")}
          <textarea rows={4} value={text} required={what === "note"} maxLength={4000} onInput={(event) => setText(event.currentTarget.value)} /></label>}
        {what === "close" && <label class="choice"><input type="checkbox" checked={tell} onChange={(event) => setTell(event.currentTarget.checked)} />{t("tellClosed")}</label>}
        <Consequence what={what} row={row} tell={tell} reach={doing.reach ?? []} />
        {wrong && <p class="wrong" role="alert">{wrong}{over && <> <a href="/sign-in" target="_blank">{t("signInAgain")}</a></>}</p>}
        <div class="buttons">
          <button type="submit" class="primary" disabled={busy || (wrong !== "" && !over)}>{t(what)}</button>
          <button type="button" onClick={() => onEnd(wrong !== "")}>{t("cancel")} <kbd>Esc</kbd></button>
        </div>
      </form>
    </dialog>
  );
}

function Consequence({ what, row, tell, reach }: { what: What; row: Row; tell: boolean; reach: Reach[] }) {
  const plain: Partial<Record<What, Word>> = {
    acknowledge: "willAck", claim: row.status === "new" ? "willClaim" : "willClaimShort", assign: "willAssign", note: "willNote", reopen: "willReopen",
  };
  const word = plain[what];
  if (word) return <p class="consequence">{t(word)}</p>;
  const told = reach.filter((one) => one.told);
  if (!tell) return <p class="consequence">{t("willNotTell")}</p>;
  if (told.length === 0) return <p class="consequence">{t("willTellNobody")}</p>;
  return <div class="consequence"><p>{t("willTell")}</p><ul>{told.map((one) => (
    <li key={one.channel + one.address}>{one.name} · {t(one.channel)} <span class="num">{one.address}</span></li>
  ))}</ul></div>;
}
