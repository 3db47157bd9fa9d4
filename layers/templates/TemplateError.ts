/** Error of a template, with its location. */
import { Schema } from "effect"

/**
 * `unknown`: the template does not exist. `syntax`: it does not compile. `variable`: it uses an unknown variable.
 * `nesting`: it extends or includes itself. `size`, `time`: it exceeded a limit. `failed`: its code threw an error.
 */
export const Reason = Schema.Literals(["unknown", "syntax", "variable", "nesting", "size", "time", "failed"])
export type Reason = typeof Reason.Type

export class TemplateError extends Schema.TaggedError<TemplateError>()("TemplateError", {
  reason: Reason,
  /** The template with the error, which may be a layout or partial of the requested one. */
  template: Schema.String,
  /** The operator's file; absent for a built-in template. */
  file: Schema.optionalKey(Schema.String),
  /** The line, from 1. (JavaScriptCore errors already have a property `line`.) */
  at: Schema.optionalKey(Schema.Int),
  detail: Schema.String
}) {
  /** Message for callers, without the folder: `summarize.sqrl:12: …`. */
  get brief() {
    return `${this.template}.sqrl${this.#at}: ${this.detail}`
  }
  /** Message for operators: `/etc/manifold/templates/summarize.sqrl:12: …`. */
  override get message() {
    return this.file === undefined ? `built-in ${this.brief}` : `${this.file}${this.#at}: ${this.detail}`
  }
  get #at() {
    return this.at === undefined ? "" : `:${this.at}`
  }
}

/** Thrown by template code to abort; converted to a `TemplateError` when the rendering ends. */
export class Fault extends Error {
  readonly reason: Reason
  readonly template: string
  readonly at: number | undefined

  constructor(reason: Reason, template: string, at: number | undefined, detail: string) {
    super(detail)
    this.reason = reason
    this.template = template
    this.at = at
  }
}
