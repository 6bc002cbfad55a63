// How a message was let go, in words and as a colour: the same in the inspector and in the chat.

import { t } from "./texts.js";

const TONES = { answered: "good", dead: "bad", failed: "bad", held: "warn", retried: "warn", snoozed: "warn", resent: "warn", unmatched: "warn" };

const endOf = ({ letGo, isUnmatched, refused }) => {
  if (isUnmatched) return "unmatched";
  return letGo.end === "retried" && refused.length ? "resent" : letGo.end;
};

export const endName = (life) => t.ended[endOf(life)] ?? life.letGo.end;

export const endTone = (life) => TONES[endOf(life)] ?? "info";
