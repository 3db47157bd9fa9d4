/** How a call runs: the third noun of the spine. Catalog applies it to every call, and nothing else limits a call. */
import { Context, Effect, Layer, Schema } from "effect"
import type { Principal, Scope } from "../../src/domain/Principal.ts"

/** The principal lacks scopes that it could ask for. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  name: Schema.String,
  scopes: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.name} needs the scope${this.scopes.length > 1 ? "s" : ""} ${this.scopes.join(", ")}`
  }
}

export interface Subject {
  /** The entry's name, for messages. */
  readonly name: string
  readonly scopes: ReadonlyArray<Scope>
}

export class Guard extends Context.Service<
  Guard,
  {
    /** Runs `self` if the principal may; otherwise fails with `Forbidden` before anything happens. */
    readonly protect: <A, E, R>(
      principal: Principal,
      subject: Subject,
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | Forbidden, R>
  }
>()("manifold/guard/Guard") {
  static readonly layer = Layer.succeed(
    Guard,
    Guard.of({
      protect: (principal, subject, self) =>
        principal.may(subject.scopes)
          ? self
          : Effect.fail(new Forbidden({ name: subject.name, scopes: subject.scopes }))
    })
  )
}
