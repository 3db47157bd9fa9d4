/** Catalog entries: tools, prompts, resources and resource templates, built-in or from an upstream server. */
import type { Effect, Scope as Lifetime } from "effect"
import type { Annotations, Icon, PromptOutput, ReadOutput, ToolOutput } from "../domain/Content.ts"
import type { InstanceChain } from "../domain/instanceChain.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Policy } from "../domain/Policy.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Scope } from "../domain/scopes.ts"
import type { GuardServices } from "../../layers/guard/Guard.ts"
import type { Caller } from "./Caller.ts"
import type { OverBudget } from "../../layers/ledger/Spend.ts"
import type { Failed, InvalidArguments, NotFound } from "./CatalogError.ts"
import type { Client } from "./Client.ts"

/** Services that the caller provides. */
export type CallerServices = Caller | Client

/** Services of every handler. */
export type CallServices = CallerServices | GuardServices

interface Named {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly icons?: ReadonlyArray<Icon>
  readonly meta?: JsonObject
  /** From another instance: the instances that it came through. */
  readonly chain?: InstanceChain
}

export interface ToolEntry extends Named {
  /** JSON Schema 2020-12, type `object`. */
  readonly input: JsonObject
  readonly output?: JsonObject | undefined
  /** MCP 2025-03-26, `ToolAnnotations`. */
  readonly hints: {
    readonly title?: string
    readonly readOnlyHint?: boolean
    readonly destructiveHint?: boolean
    readonly idempotentHint?: boolean
    readonly openWorldHint?: boolean
  }
  readonly policy: Policy
  /** `OverBudget`: a budget was exceeded while the tool ran. */
  readonly call: (
    args: unknown
  ) => Effect.Effect<ToolOutput, InvalidArguments | Failed | OverBudget, CallServices>
}

/** Completion of one argument. `typed`: its text so far; `given`: the other arguments. */
export type Complete = (
  typed: string,
  given: Readonly<Record<string, string>>
) => Effect.Effect<ReadonlyArray<string>, Failed, CallServices>

export interface PromptArgument {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly required: boolean
  readonly complete?: Complete
}

export interface PromptEntry extends Named {
  readonly scopes: ReadonlyArray<Scope>
  readonly arguments: ReadonlyArray<PromptArgument>
  /** The catalog has checked that the required arguments are present. */
  readonly get: (
    args: Readonly<Record<string, string>>
  ) => Effect.Effect<PromptOutput, InvalidArguments | Failed, CallServices>
}

interface Readable extends Named {
  readonly scopes: ReadonlyArray<Scope>
  readonly mimeType?: string
  readonly annotations?: typeof Annotations.Type
}

export interface ResourceEntry extends Readable {
  readonly uri: string
  /** In bytes, if known. */
  readonly size?: number
  readonly read: Effect.Effect<ReadOutput, Failed, CallServices>
  /** Watches the source until the scope closes; runs once per subscription. Absent: the owner publishes updates. */
  readonly subscribe?: (principal: Principal) => Effect.Effect<void, Failed, Lifetime.Scope>
}

export interface TemplateEntry extends Readable {
  /** RFC 6570, level 1: `test://template/{id}/data`. */
  readonly uriTemplate: string
  readonly complete?: Readonly<Record<string, Complete>>
  readonly read: (
    uri: string,
    variables: Readonly<Record<string, string>>
  ) => Effect.Effect<ReadOutput, Failed | NotFound, CallServices>
  /** As in `ResourceEntry`. */
  readonly subscribe?: (
    uri: string,
    variables: Readonly<Record<string, string>>,
    principal: Principal
  ) => Effect.Effect<void, Failed | NotFound, Lifetime.Scope>
}

/** Entries of one source. */
export interface Entries {
  /** For clients' models: how to use these entries. */
  readonly instructions?: string | undefined
  readonly tools?: ReadonlyArray<ToolEntry>
  readonly prompts?: ReadonlyArray<PromptEntry>
  readonly resources?: ReadonlyArray<ResourceEntry>
  readonly templates?: ReadonlyArray<TemplateEntry>
}
