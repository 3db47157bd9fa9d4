/** Exit code of a server: one that was stopped by a signal has succeeded. */
import { Runtime } from "effect"

/** Exit code of an interrupted program, as shells have it. */
const interrupted = 130

export const serverTeardown: Runtime.Teardown = (exit, end) =>
  Runtime.defaultTeardown(exit, (code) => end(code === interrupted ? 0 : code))
