/** What can be asked: the second noun of the spine. Every surface lists, calls, gets and reads through it. */
import { Context, Effect, Layer, type Scope } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import type { Refused, TimedOut } from "../../layers/guard/refusals.ts"
import type { Call } from "../../layers/ledger/Calls.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { endingOf } from "../../layers/progress/Tracker.ts"
import type { PromptMessage, ResourceContents } from "../domain/Content.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import type { Principal, Scope as Permission } from "../domain/Principal.ts"
import { Caller } from "./Caller.ts"
import { NotFound, type CallError, type InvalidCursor, type Kind } from "./CatalogError.ts"
import type {
  CallerServices,
  CallServices,
  Entries,
  PromptEntry,
  ResourceEntry,
  TemplateEntry,
  ToolEntry,
  ToolOutput
} from "./Entry.ts"
import { page, type Page } from "./Page.ts"
import { Shelf, type NameTaken } from "./Shelf.ts"
import { compile, type Match } from "./UriTemplate.ts"

/** Something that a client may have cached has changed. */
export type Change = { readonly concerns: (principal: Principal) => boolean } & (
  { readonly kind: "tools" | "prompts" | "resources" } | { readonly kind: "resource"; readonly uri: string }
)

/** What is to be completed: an argument of a prompt, or a variable of a resource template. */
export interface Completion {
  readonly target: { readonly prompt: string } | { readonly template: string }
  readonly argument: string
  readonly typed: string
  readonly given: Readonly<Record<string, string>>
}

/** The most values that one completion answers with (MCP, `completion/complete`). */
const mostCompletions = 100

/** Entries of one kind that a principal may know of, by name, a page at a time. */
export type Listing<A> = (principal: Principal, cursor?: string) => Effect.Effect<Page<A>, InvalidCursor>

/** One call, as those hear of it who follow calls; the id is made when it is first asked for. */
const toCall = (
  principal: Principal,
  caller: Caller["Service"],
  kind: Call["kind"],
  name: string,
  template: string | undefined
): Call => ({
  kind,
  name,
  template,
  principal,
  trace: caller.trace,
  get requestId() {
    return caller.requestId
  },
  get correlationId() {
    return caller.correlationId ?? caller.trace?.traceId ?? caller.requestId
  }
})

/** What is to run, and what Guard must know of it. */
interface Found<A, E> {
  readonly policy: Policy
  readonly effect: Effect.Effect<A, E, CallServices>
  readonly args?: unknown
  /** Absent: it reads, and may be read again. */
  readonly hints?: ToolEntry["hints"]
  readonly template?: string
}

const reading = new WeakMap<object, Policy>()
/** The policy of what only has scopes. */
const policyOf = (entry: { readonly scopes: ReadonlyArray<Permission> }): Policy => {
  let policy = reading.get(entry)
  if (policy === undefined) reading.set(entry, (policy = { ...defaults, scopes: entry.scopes }))
  return policy
}

export class Catalog extends Context.Service<
  Catalog,
  {
    /** Contributes entries for as long as the scope is open. */
    readonly add: (entries: Entries) => Effect.Effect<void, NameTaken, Scope.Scope>
    /** The entries that a principal may know of, by name. */
    readonly tools: Listing<ToolEntry>
    readonly prompts: Listing<PromptEntry>
    readonly resources: Listing<ResourceEntry>
    readonly templates: Listing<TemplateEntry>
    /** The one entry of that name, if the principal may know of it. */
    readonly tool: (principal: Principal, name: string) => Effect.Effect<ToolEntry | undefined>
    readonly subscribe: (principal: Principal, uri: string) => Effect.Effect<void, NotFound, Scope.Scope>
    readonly call: (
      principal: Principal,
      name: string,
      args: unknown
    ) => Effect.Effect<ToolOutput, CallError, CallerServices>
    readonly get: (
      principal: Principal,
      name: string,
      args: Readonly<Record<string, string>>
    ) => Effect.Effect<ReadonlyArray<PromptMessage>, CallError, CallerServices>
    readonly read: (
      principal: Principal,
      uri: string
    ) => Effect.Effect<ReadonlyArray<ResourceContents>, CallError, CallerServices>
    /** At most 100 values, and how many there were. */
    readonly complete: (
      principal: Principal,
      completion: Completion
    ) => Effect.Effect<
      { readonly values: ReadonlyArray<string>; readonly total: number },
      CallError,
      CallerServices
    >
    /** Says that entries of a kind read differently now. */
    readonly changed: (kind: "tools" | "prompts" | "resources") => Effect.Effect<void>
    /** Says that a resource reads differently now. */
    readonly updated: (uri: string) => Effect.Effect<void>
    /** Tells of every change while the scope is open; the listener must not throw. */
    readonly watch: (listener: (change: Change) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/catalog/Catalog") {
  /** `pageSize` is how many entries one page of a list has. */
  static readonly make = Effect.fnUntraced(function* (options: { readonly pageSize: number }) {
    const guard = yield* Guard
    const progress = yield* ProgressEvents
    const listeners = new Set<(change: Change) => void>()
    const tell = (change: Change) =>
      Effect.sync(() => {
        for (const listener of listeners) listener(change)
      })
    const announce = (kind: "tools" | "prompts" | "resources") => tell({ kind, concerns: () => true })

    const tools = new Shelf<ToolEntry>("tool", (entry) => entry.name)
    const prompts = new Shelf<PromptEntry>("prompt", (entry) => entry.name)
    const resources = new Shelf<ResourceEntry>("resource", (entry) => entry.uri)
    const templates = new Shelf<TemplateEntry>("resource template", (entry) => entry.uriTemplate)
    const matches = new WeakMap<TemplateEntry, Match>()

    const listing =
      <A>(shelf: Shelf<A>, scopes: (entry: A) => ReadonlyArray<Permission>): Listing<A> =>
      (principal, cursor) => {
        const visible = shelf.all.filter((entry) => principal.mayReach(scopes(entry)))
        return page(visible, shelf.key, options.pageSize, cursor)
      }
    const ofEntry = (entry: { readonly scopes: ReadonlyArray<Permission> }) => entry.scopes

    /** Hides what is beyond the principal, and lets Guard run the rest while its progress is followed. */
    const run = <A, E>(
      principal: Principal,
      kind: Call["kind"],
      name: string,
      found: Found<A, E> | undefined,
      missing: Kind = kind === "completion" ? "prompt" : kind
    ): Effect.Effect<A, E | NotFound | Refused | TimedOut, CallerServices> =>
      found === undefined || !principal.mayReach(found.policy.scopes)
        ? Effect.fail(new NotFound({ kind: missing, name }))
        : Effect.flatMap(Caller, (caller) => {
            const { args, effect: handler, hints, policy, template } = found
            const effect = caller.carry === undefined ? handler : caller.carry(handler)
            const call = toCall(principal, caller, kind, name, template)
            const tracker = progress.track(call, caller.onProgress)
            const readOnly = hints === undefined || hints.readOnlyHint === true
            const guarded = guard.protect(
              {
                call,
                policy,
                readOnly,
                idempotent: readOnly || hints?.idempotentHint === true,
                args,
                follow: (reported) => tracker.listen(reported)
              },
              Effect.provideService(effect, Progress, tracker.progress)
            )
            return Effect.onExitPrimitive(guarded, (exit) => {
              tracker.end(endingOf(exit))
              return undefined
            })
          })

    const match = (uri: string) => {
      for (const entry of templates.all) {
        let matcher = matches.get(entry)
        if (matcher === undefined) matches.set(entry, (matcher = compile(entry.uriTemplate)))
        const variables = matcher(uri)
        if (variables !== undefined) {
          const effect = entry.read(uri, variables)
          return { policy: policyOf(entry), effect, template: entry.uriTemplate }
        }
      }
      return undefined
    }

    const completer = ({ argument, target }: Completion) => {
      if ("prompt" in target) {
        const prompt = prompts.get(target.prompt)
        const complete = prompt?.arguments.find(({ name }) => name === argument)?.complete
        return { kind: "prompt", name: target.prompt, entry: prompt, complete } as const
      }
      const template = templates.get(target.template)
      const complete = Object.hasOwn(template?.complete ?? {}, argument)
        ? template?.complete?.[argument]
        : undefined
      return { kind: "resource", name: target.template, entry: template, complete } as const
    }

    return Catalog.of({
      add: Effect.fnUntraced(function* (entries) {
        const named = entries.tools ?? []
        // What a tool answered is not what another one of its name would.
        const forget = named.length > 0 ? guard.invalidate(...named.map(({ name }) => name)) : Effect.void
        yield* tools.put(named, Effect.andThen(forget, announce("tools")))
        yield* prompts.put(entries.prompts ?? [], announce("prompts"))
        yield* resources.put(entries.resources ?? [], announce("resources"))
        yield* templates.put(entries.templates ?? [], announce("resources"))
      }),
      tools: listing(tools, (entry) => entry.policy.scopes),
      prompts: listing(prompts, ofEntry),
      resources: listing(resources, ofEntry),
      templates: listing(templates, ofEntry),
      tool: (principal, name) => {
        const entry = tools.get(name)
        return Effect.succeed(
          entry !== undefined && principal.mayReach(entry.policy.scopes) ? entry : undefined
        )
      },
      call: (principal, name, args) => {
        const entry = tools.get(name)
        return run(
          principal,
          "tool",
          name,
          entry && { policy: entry.policy, effect: entry.call(args), args, hints: entry.hints }
        )
      },
      get: (principal, name, args) => {
        const entry = prompts.get(name)
        return run(principal, "prompt", name, entry && { policy: policyOf(entry), effect: entry.get(args) })
      },
      read: (principal, uri) => {
        const entry = resources.get(uri)
        const found = entry === undefined ? match(uri) : { policy: policyOf(entry), effect: entry.read }
        return run(principal, "resource", uri, found)
      },
      complete: (principal, completion) => {
        const { complete, entry, kind, name } = completer(completion)
        const effect =
          complete === undefined
            ? Effect.succeed<ReadonlyArray<string>>([])
            : complete(completion.typed, completion.given)
        return run(principal, "completion", name, entry && { policy: policyOf(entry), effect }, kind).pipe(
          Effect.map((values) => ({ values: values.slice(0, mostCompletions), total: values.length }))
        )
      },
      changed: announce,
      updated: (uri) => tell({ kind: "resource", uri, concerns: () => true }),
      subscribe: (_, uri) =>
        resources.get(uri) !== undefined || match(uri) !== undefined
          ? Effect.void
          : Effect.fail(new NotFound({ kind: "resource", name: uri })),
      watch: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        )
    })
  })

  static readonly layer = Layer.effect(Catalog, Catalog.make({ pageSize: 100 }))
}
