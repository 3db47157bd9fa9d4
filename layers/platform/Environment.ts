/** Environment variables as a service that tests can replace. */
import { Context, Effect, Layer } from "effect"

export class Environment extends Context.Service<
  Environment,
  {
    /** The variable's value; `undefined` if it is not set. */
    readonly get: (name: string) => string | undefined
  }
>()("manifold/platform/Environment") {
  /** The variables of this process, read at each call. */
  static readonly layer = Layer.succeed(Environment, { get: (name) => process.env[name] })

  /** The underlying environment, overridden by these variables. */
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
