/** Which tools of a server are served: `allow` and `deny`. */
import type { ServerSettings } from "../../layers/upstream/section.ts"

/** `*` matches anything. */
const matches = (pattern: string, name: string) =>
  new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s").test(name)

/** Whether a tool of that name is served (`allow`, `deny`). */
export const serves =
  ({ allow, deny = [] }: ServerSettings) =>
  (tool: string) =>
    (allow === undefined || allow.some((pattern) => matches(pattern, tool))) &&
    !deny.some((pattern) => matches(pattern, tool))
