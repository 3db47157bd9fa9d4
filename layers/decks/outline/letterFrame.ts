/** Removes the greeting and the signature of a letter: they address the reader of the request, not the audience. */

const greeting =
  /^(?:hi|hello|hey|dear|hallo|liebe[rs]?|guten tag|sehr geehrte[rs]?|bonjour)(?:\s[^.!?:]{0,40})?[,!]$/iu
const farewell =
  /^(?:thanks|thank you|many thanks|best|cheers|(?:best|kind|warm) (?:regards|wishes)|regards|danke|(?:viele|beste|liebe|freundliche) grüße|mit freundlichen grüßen|cordialement)[,!.]?$/iu

/** A farewell is followed by a name, perhaps a role and a company. */
const mostAfterFarewell = 4

/** The lines between greeting and signature; all of them where nothing else is left. */
export const withoutLetterFrame = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const filled = lines.flatMap((line, index) => (line.trim() === "" ? [] : [index]))
  const [first] = filled
  const start = first !== undefined && greeting.test((lines[first] ?? "").trim()) ? first + 1 : 0
  const tail = filled.slice(-mostAfterFarewell)
  const end = tail.find((index) => farewell.test((lines[index] ?? "").trim()))
  const isSignature =
    end !== undefined &&
    tail.filter((index) => index > end).every((index) => (lines[index] ?? "").length <= 60)
  const kept = lines.slice(start, isSignature ? end : undefined)
  return kept.some((line) => line.trim() !== "") ? kept : lines
}
