/** Runs a command on the local CA. */
import { Effect } from "effect"
import { certificates } from "../../program/certificates.ts"

export const asOperator = <A, E, R>(command: Effect.Effect<A, E, R>) => Effect.provide(command, certificates)
