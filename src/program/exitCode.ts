/** Exit code of a server: 0 if a signal stopped it. */
import { Runtime } from "effect"

/** Exit code of an interrupted program (128 + SIGINT). */
const interrupted = 130

export const serverTeardown: Runtime.Teardown = (exit, end) =>
  Runtime.defaultTeardown(exit, (code) => end(code === interrupted ? 0 : code))
