/** `tools/call` in one session, revision 2025-11-25. */
import { calls, type Prepare } from "../support/callLoad.ts"
import { effect, fastmcpStateless, ours, oursSilent, oursTwice, sdkJson, sdkSse } from "../support/servers.ts"
import { openSession, sessionCall } from "../support/protocol.ts"

const session: Prepare = async (url) => sessionCall(await openSession(url))
/** A stateless server is called without a hand-shake. */
const noSession: Prepare = async () => sessionCall(undefined)

export const sessionWire = calls("tools/call, session wire", session, [
  [sdkJson, session],
  [sdkSse, session],
  [effect, session],
  [fastmcpStateless, noSession],
  [oursSilent, session]
])

/** Half of the connections reach the worker that does not have the session. */
export const twoWorkers = calls(
  "tools/call, session wire, two workers",
  session,
  [[ours, session]],
  oursTwice
)
