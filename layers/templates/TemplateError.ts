/** Why a template gave no text: where it is written, and what is wrong there. */
import { Schema } from "effect"

/**
 * `unknown`: there is no such template. `syntax`: it cannot be compiled. `variable`: it asks for one that there is not.
 * `nesting`: it extends or includes itself. `size`, `time`: it wrote or took more than it may. `failed`: its code threw.
 */
export const Reason = Schema.Literals(["unknown", "syntax", "variable", "nesting", "size", "time", "failed"])
export type Reason = typeof Reason.Type

export class TemplateError extends Schema.TaggedError<TemplateError>()("TemplateError", {
  reason: Reason,
  /** The template in which it went wrong: not always the one that was asked for. */
  template: Schema.String,
  /** The operator's file; absent for a template that came with the program. */
  file: Schema.optionalKey(Schema.String),
  /** The line, from 1. (Errors have a property `line` of their own in JavaScriptCore.) */
  at: Schema.optionalKey(Schema.Int),
  detail: Schema.String
}) {
  /** `summarize.sqrl:12: …`, without the folder: for callers, whom the folder does not concern. */
  get brief() {
    return `${this.template}.sqrl${this.#at}: ${this.detail}`
  }
  /** `/etc/manifold/templates/summarize.sqrl:12: …`: for operators. */
  override get message() {
    return this.file === undefined ? `embedded ${this.brief}` : `${this.file}${this.#at}: ${this.detail}`
  }
  get #at() {
    return this.at === undefined ? "" : `:${this.at}`
  }
}

/** What template code throws to give up; becomes a `TemplateError` where the rendering ends. */
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
