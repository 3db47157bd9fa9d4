/** The process environment as a service, so that a test can hold it still. */
import { Context, Effect, Layer } from "effect"

export class Environment extends Context.Service<
  Environment,
  {
    /** The variable's value; `undefined` when it is not set. */
    readonly get: (name: string) => string | undefined
  }
>()("manifold/platform/Environment") {
  /** Reads the variables of this process, each time anew. */
  static readonly layer = Layer.succeed(Environment, { get: (name) => process.env[name] })

  /** The environment below, but for these variables. */
  static readonly layerOver = (variables: Readonly<Record<string, string>>) =>
    Layer.effect(
      Environment,
      Effect.map(Environment, ({ get }) => ({ get: (name) => variables[name] ?? get(name) }))
    )

  /** An environment of exactly these variables. */
  static readonly layerTest = (variables: Readonly<Record<string, string | undefined>>) =>
    Layer.succeed(Environment, {
      get: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined)
    })
}
