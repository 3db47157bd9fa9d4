/** The served part of the lists of a server: checked, and without tools that are held back. */
import { type Accepted, acceptOthers, acceptTools } from "./acceptTools.ts"
import type { Known } from "./storedText.ts"
import type { Found, Lists } from "./lists.ts"

/** The accepted tools as they are, whose list could not be read. Tools that are held back stay so. */
const acceptedBefore = ({ held, lists, pins }: Known): Accepted => ({
  held,
  pins,
  reports: [],
  tools: lists.tools.filter(({ name }) => !held.includes(String(name)))
})

/** The served part of the lists, and the part to store. */
export const accept = (
  { lists: found, rejected }: Pick<Found, "lists" | "rejected">,
  known: Known | undefined,
  hold: boolean,
  reported: Set<string>
) => {
  const {
    held,
    pins,
    reports: ofTools,
    tools
  } = known !== undefined && rejected.has("tools")
    ? acceptedBefore(known)
    : acceptTools(found.tools, known, hold, reported)
  const { lists: others, reports } = acceptOthers(found, reported)
  const lists: Lists = { ...others, tools }
  // The accepted definition of a held tool is kept, to show the difference.
  const before = known?.lists.tools.filter(({ name }) => held.includes(String(name))) ?? []
  const next: Known = { lists: { ...lists, tools: [...tools, ...before] }, pins, held }
  return { lists, next, reports: [...ofTools, ...reports] }
}
