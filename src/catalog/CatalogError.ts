/** Errors of the catalog. `catalogFailure.ts` translates them into JSON-RPC and HTTP. */
import { Schema } from "effect"
import type { GuardRejection, TimedOut } from "../../layers/guard/GuardError.ts"
import type { ToolOutput } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"
import { Transience } from "../domain/Transient.ts"

export const Kind = Schema.Literals(["tool", "prompt", "resource"])
export type Kind = typeof Kind.Type

/** The entry does not exist, or is not visible to the principal. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  kind: Kind,
  name: Schema.String
}) {
  override get message() {
    return `Unknown ${this.kind}: ${this.name}`
  }
}

/** Another entry has the name, for at least one principal of the audience. */
export class NameTaken extends Schema.TaggedError<NameTaken>()("NameTaken", {
  kind: Schema.String,
  name: Schema.String,
  /** Owner of the entry that has the name. */
  holder: Schema.String
}) {
  override get message() {
    const used = `The ${this.kind} name ${this.name} is already used by ${this.holder}.`
    return this.kind.startsWith("resource")
      ? `${used} Links to it lead there.`
      : `${used} Rename one of the two.`
  }
}

export const Issue = Schema.Struct({ path: Schema.String, message: Schema.String })
export type Issue = typeof Issue.Type

/** The arguments do not match the entry's schema. */
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

/** The handler failed. `detail` is shown to the caller and in logs. */
export class Failed extends Schema.TaggedError<Failed>()("Failed", {
  name: Schema.String,
  detail: Schema.String,
  /** The handler's own class of the error. */
  reason: Schema.optionalKey(Schema.String),
  /** Set for a transient error. */
  transient: Schema.optionalKey(Transience),
  /** The result of a tool that reports its error as content blocks or data (MCP `isError`), instead of `detail`. */
  output: Schema.optionalKey(Output),
  /** JSON-RPC error of an upstream server, which the caller gets as it is. Negative. */
  code: Schema.optionalKey(Schema.Finite),
  data: Schema.optionalKey(Schema.Unknown)
}) {
  override get message() {
    return this.detail
  }
}

/** The cursor of a list request was not issued by this catalog. */
export class InvalidCursor extends Schema.TaggedError<InvalidCursor>()("InvalidCursor", {
  cursor: Schema.String
}) {
  override get message() {
    return `Invalid cursor: ${this.cursor.slice(0, 100)}. Start again without a cursor.`
  }
}

/** The subscription limit of the session or its principal is reached. */
export class TooManySubscriptions extends Schema.TaggedError<TooManySubscriptions>()("TooManySubscriptions", {
  max: Schema.Int
}) {
  override get message() {
    return `Subscription limit reached (${this.max}). Unsubscribe from a resource first.`
  }
}

export type CallError = NotFound | GuardRejection | TimedOut | InvalidArguments | Failed
