/** `tools/call` as of 2026-07-28: every request is self-contained. */
import { calls, type Prepare } from "../support/callLoad.ts"
import { effect, ours, oursSilent, oursTwice, sdk } from "../support/servers.ts"
import { modernCall } from "../support/protocol.ts"

const modern: Prepare = async () => modernCall

export const modernWire = calls("tools/call, 2026 wire", modern, [
  [sdk, modern],
  [effect, modern],
  [oursSilent, modern]
])

export const twoWorkersModern = calls(
  "tools/call, 2026 wire, two workers",
  modern,
  [[ours, modern]],
  oursTwice
)
