/** Tests whether two URI templates (RFC 6570 level 1) can match the same URI, in linear time. */
import { compile } from "./matchUriTemplate.ts"

const variable = /\{[A-Za-z0-9_]+\}/

const startsAlike = (one: string, other: string) => one.startsWith(other) || other.startsWith(one)
const endsAlike = (one: string, other: string) => one.endsWith(other) || other.endsWith(one)

/** Of one path segment each. Between equal beginnings and ends, the variables of one match the texts of the other. */
const segmentsOverlap = (one: string, other: string): boolean => {
  const [left, right] = [one.split(variable), other.split(variable)]
  if (left.length === 1 && right.length === 1) return one === other
  if (left.length === 1) return compile(other)(one) !== undefined
  if (right.length === 1) return compile(one)(other) !== undefined
  return startsAlike(left[0] ?? "", right[0] ?? "") && endsAlike(left.at(-1) ?? "", right.at(-1) ?? "")
}

export const templatesOverlap = (one: string, other: string): boolean => {
  const [left, right] = [one.split("/"), other.split("/")]
  // A variable matches within one segment.
  return (
    left.length === right.length &&
    left.every((segment, index) => segmentsOverlap(segment, right[index] ?? ""))
  )
}
