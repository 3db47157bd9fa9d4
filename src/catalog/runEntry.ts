/** Runs the handler of an entry as a call under Guard, for principals that can see the entry. */
import { Context, Effect } from "effect"
import type { Guard } from "../../layers/guard/Guard.ts"
import type { GuardRejection, TimedOut } from "../../layers/guard/GuardError.ts"
import { nested, RunningCall, type Call } from "../../layers/ledger/Calls.ts"
import type { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Scope } from "../domain/scopes.ts"
import { Caller } from "./Caller.ts"
import { NotFound, type Kind } from "./CatalogError.ts"
import type { CallerServices, CallServices, ToolEntry } from "./Entry.ts"

/** A top-level call. Its ids are lazy. */
const toCall = (
  principal: Principal,
  caller: Caller["Service"],
  kind: Call["kind"],
  name: string,
  { args, template }: { readonly args?: unknown; readonly template?: string | undefined }
): Call => ({
  kind,
  name,
  template,
  args,
  principal,
  trace: caller.trace,
  session: caller.session,
  conversation: caller.conversation,
  get requestId() {
    return caller.requestId
  },
  get correlationId() {
    return caller.correlationId ?? caller.trace?.traceId ?? caller.requestId
  }
})

/** The caller of a nested call. */
const callerOf = (
  { conversation, correlationId, principal, requestId, session, trace }: Call,
  caller: Caller["Service"]
): Caller["Service"] => ({
  principal,
  requestId,
  correlationId,
  trace,
  session,
  conversation,
  program: caller.program,
  ...(caller.call !== undefined && { call: caller.call })
})

/** The handler of a call, and its attributes for Guard. */
export interface Target<A, E> {
  readonly policy: Policy
  readonly effect: Effect.Effect<A, E, CallServices>
  readonly args?: unknown
  /** Absent: read-only and idempotent. */
  readonly hints?: ToolEntry["hints"]
  readonly template?: string | undefined
}

const policies = new WeakMap<object, Policy>()
/** The policy of an entry that only has scopes. */
export const policyOf = (entry: { readonly scopes: ReadonlyArray<Scope> }): Policy => {
  let policy = policies.get(entry)
  if (policy === undefined) policies.set(entry, (policy = { ...defaults, scopes: entry.scopes }))
  return policy
}

type Run<A, E> = Effect.Effect<A, E | NotFound | GuardRejection | TimedOut, CallerServices>

export const entryRunner = (guard: Guard["Service"], progress: ProgressEvents["Service"]) => {
  /** Fails with `NotFound` for entries that are not visible to the principal, else runs the handler under Guard. */
  const run = <A, E>(
    principal: Principal,
    kind: Kind | "completion",
    name: string,
    target: Target<A, E> | undefined,
    missing: Kind = kind === "completion" ? "prompt" : kind
  ): Run<A, E> =>
    target === undefined
      ? Effect.fail(new NotFound({ kind: missing, name }))
      : Effect.contextWith((context: Context.Context<CallerServices>): Run<A, E> => {
          const caller = Context.get(context, Caller)
          if (!principal.mayReach(target.policy.scopes, kind === "tool" ? name : undefined)) {
            guard.conceal(toCall(principal, caller, kind, name, target))
            return Effect.fail(new NotFound({ kind: missing, name }))
          }
          const parent = Context.get(context, RunningCall).call
          const { args, effect: handler, hints, policy } = target
          const call =
            parent === undefined
              ? toCall(principal, caller, kind, name, target)
              : nested(parent, { kind, name, principal, template: target.template, args })
          const effect =
            parent !== undefined
              ? Effect.provideService(handler, Caller, callerOf(call, caller))
              : caller.carry === undefined
                ? handler
                : caller.carry(handler)
          const readOnly = hints === undefined || hints.readOnlyHint === true
          return guard.protect(
            {
              call,
              policy,
              readOnly,
              idempotent: readOnly || hints?.idempotentHint === true,
              args,
              // Progress of a nested call is part of its parent's, whose handler reports it; a turn's calls are its caller's.
              tracker: progress.track(
                call,
                parent === undefined || parent.kind === "turn" ? caller.onProgress : undefined
              )
            },
            effect
          )
        })
  return run
}
