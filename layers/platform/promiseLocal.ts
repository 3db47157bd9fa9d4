/** Values of one chain of promises, for libraries that pass no context to their callbacks. Effects use services instead. */
import { AsyncLocalStorage } from "node:async_hooks"

export interface PromiseLocal<A> {
  /** The value of the chain that the caller belongs to. */
  readonly get: () => A | undefined
  /** Runs `work`, and all that it awaits, with the value. */
  readonly run: <B>(value: A, work: () => B) => B
}

export const make = <A>(): PromiseLocal<A> => {
  const storage = new AsyncLocalStorage<A>()
  return { get: () => storage.getStore(), run: (value, work) => storage.run(value, work) }
}
