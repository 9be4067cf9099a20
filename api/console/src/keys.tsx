import { t, type Word } from "./words.ts";

const KEYS: [string, Word][] = [
  ["j / k", "keyMove"], ["Enter", "keyOpen"], ["Space", "keyPeek"], ["a", "keyClaim"], ["n", "keyNew"], ["1 – 4", "keyLevels"],
  ["/", "keySearch"], ["c", "keyAck"], ["m", "keyNote"], ["x", "keyClose"], ["u", "keyBack"], ["Esc", "keyEsc"], ["?", "keyHelp"],
];

export function openKeys(): void {
  (document.getElementById("keys") as HTMLDialogElement | null)?.showModal();
}

export function KeysHelp() {
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <h2 id="keys-title">{t("keys")}</h2>
      <dl class="keys">{KEYS.map(([key, word]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{t(word)}</dd></div>)}</dl>
      <form method="dialog"><button>{t("cancel")} (Esc)</button></form>
    </dialog>
  );
}
