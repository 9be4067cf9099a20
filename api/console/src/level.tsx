import type { Risk, Row } from "./types.ts";
import { t, type Word } from "./words.ts";

const SHAPES: Record<Risk, string> = { 4: "M8 1 15 8 8 15 1 8Z", 3: "M8 2 15 14H1Z", 2: "M2.5 2.5h11v11h-11Z", 1: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3Z" };

export function levelWord(risk: Risk): string {
  return t(`level${risk}` as Word);
}

/** Shape, word and colour together; never colour alone. */
export function Level({ risk }: { risk: Risk }) {
  return (
    <span class={`level level-${risk}`}>
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true"><path d={SHAPES[risk]} fill="currentColor" /></svg>
      {levelWord(risk)}
    </span>
  );
}

export function steps(row: Row): [Word, string | null][] {
  return [
    ["stepFound", row.opened_at], ["stepTold", row.told_at], ["stepAcknowledged", row.acknowledged_at],
    ["stepAnswered", row.client_answered_at], ["stepClosed", row.closed_at],
  ];
}
