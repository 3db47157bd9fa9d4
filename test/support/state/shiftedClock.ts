/**
 * Preloaded into a process: shifts its wall clock by the milliseconds in the file `MANIFOLD_TEST_CLOCK`, which is read again at
 * SIGUSR2. Monotonic time is not shifted, as when an administrator sets the clock.
 */
import { readFileSync } from "node:fs"

const file = process.env["MANIFOLD_TEST_CLOCK"] ?? ""
const real = Date.now.bind(Date)
const read = () => Number(readFileSync(file, "utf8"))
let shift = read()
process.on("SIGUSR2", () => {
  shift = read()
})
const now = () => real() + shift

globalThis.Date = new Proxy(Date, {
  apply: () => new Date(now()).toString(),
  construct: (target, args: [], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  get: (target, key, receiver) => (key === "now" ? now : (Reflect.get(target, key, receiver) as unknown))
})
