/** Why the catalog did not answer. Each surface translates these once, where the answer leaves. */
import { Schema } from "effect"
import type { GuardRejection, TimedOut } from "../../layers/guard/GuardError.ts"
import type { ToolOutput } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"
import { Transience } from "../domain/Transient.ts"

export const Kind = Schema.Literals(["tool", "prompt", "resource"])
export type Kind = typeof Kind.Type

/** There is no such entry, or the principal may not know of it. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  kind: Kind,
  name: Schema.String
}) {
  override get message() {
    return `Unknown ${this.kind}: ${this.name}`
  }
}

/** Another entry holds the name, for at least one principal of the audience. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", {
  kind: Schema.String,
  name: Schema.String,
  /** The owner of the entry that holds the name. */
  holder: Schema.String
}) {
  override get message() {
    return `There is a ${this.kind} named ${this.name} already, from ${this.holder}. Rename one of the two.`
  }
}

export const Issue = Schema.Struct({ path: Schema.String, message: Schema.String })
export type Issue = typeof Issue.Type

/** The arguments do not fit the entry's schema. */
export class InvalidArguments extends Schema.TaggedError<InvalidArguments>()("InvalidArguments", {
  name: Schema.String,
  issues: Schema.Array(Issue)
}) {
  override get message() {
    const lines = this.issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
    return `Invalid arguments for ${this.name}: ${lines.join("; ")}`
  }
}

const Output = Schema.declare(
  (value): value is ToolOutput => isObject(value) && Array.isArray(value.content),
  { identifier: "ToolOutput" }
)

/** The handler ran and failed. `detail` is the text for the caller and for logs. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", {
  name: Schema.String,
  detail: Schema.String,
  /** What the handler calls it. */
  reason: Schema.optionalKey(Schema.String),
  /** There when it may go better next time. */
  transient: Schema.optionalKey(Transience),
  /** The whole result of a tool that reports its error with blocks or data (MCP `isError`), instead of `detail`. */
  output: Schema.optionalKey(Output)
}) {
  override get message() {
    return this.detail
  }
}

/** A page was asked for by a cursor that no page ended with. */
export class InvalidCursor extends Schema.TaggedError<InvalidCursor>()("InvalidCursor", {
  cursor: Schema.String
}) {
  override get message() {
    return `Invalid cursor: ${this.cursor.slice(0, 100)}. Start again without a cursor.`
  }
}

/** The session, or its principal, already watches as many resources as it may. */
export class TooManySubscriptions extends Schema.TaggedError<TooManySubscriptions>()("TooManySubscriptions", {
  max: Schema.Int
}) {
  override get message() {
    return `The limit of subscriptions is reached (${this.max}); unsubscribe from some first.`
  }
}

export type CallError = NotFound | GuardRejection | TimedOut | InvalidArguments | Failed
